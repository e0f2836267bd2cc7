/* One order from C: a datagram is a header line and a segment document.
 *
 *     cc -o order order.c && ./order [PORT]
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

int main(int argc, char **argv)
{
    struct sockaddr_in daemon = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    daemon.sin_port = htons((unsigned short)(argc > 1 ? strtoul(argv[1], NULL, 10) : 2000));
    unsigned now = (unsigned)time(NULL);
    srandom(now);
    char datagram[512];
    int n = snprintf(
        datagram, sizeof datagram,
        "{\"format\":\"json\",\"version\":1}\n"
        "{\"name\":\"order-service\",\"id\":\"%016lx\",\"trace_id\":\"1-%08x-%024lx\","
        "\"start_time\":%u.1,\"end_time\":%u.3,\"annotations\":{\"order_id\":\"order-12345\"}}",
        random(), now, random(), now, now);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    ssize_t sent = sendto(udp, datagram, (size_t)n, 0, (struct sockaddr *)&daemon, sizeof daemon);
    return sent == n ? 0 : 1;
}
