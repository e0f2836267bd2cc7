/* Addresses as text. No name is looked up: what is listened on must not hang on a resolver. */
#include "net/net_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

/* Each family's view of the storage. */
static const struct sockaddr_in *as_v4(const struct sockaddr_storage *addr)
{
    return (const struct sockaddr_in *)addr;
}
static const struct sockaddr_in6 *as_v6(const struct sockaddr_storage *addr)
{
    return (const struct sockaddr_in6 *)addr;
}

/* Cuts HOST:PORT at the last colon; the brackets of an IPv6 host are taken off. */
static fl_status split(fl_str text, fl_str *host, fl_str *port, bool *bracketed, fl_err *err)
{
    size_t colon = text.n;
    while (colon > 0 && text.p[colon - 1] != ':') {
        colon--;
    }
    if (colon == 0) {
        FL_FAIL(err, FL_E_CONFIG, "\"%.*s\" has no port; write HOST:PORT", FL_P(text));
    }
    *host = (fl_str){text.p, colon - 1};
    *port = (fl_str){text.p + colon, text.n - colon};
    *bracketed = host->n >= 2 && host->p[0] == '[' && host->p[host->n - 1] == ']';
    if (*bracketed) {
        *host = (fl_str){host->p + 1, host->n - 2};
    } else if (host->n > 0 && memchr(host->p, ':', host->n) != NULL) {
        FL_FAIL(err, FL_E_CONFIG, "\"%.*s\": write an IPv6 address in brackets, [::1]:2000",
                FL_P(text));
    }
    return FL_OK;
}

/* The literal of host, with a NUL; localhost is one by another name. False: no literal can be so.
 */
static bool literal_of(fl_str host, bool bracketed, char literal[INET6_ADDRSTRLEN])
{
    if (!bracketed && fl_str_eq(host, FL_S("localhost"))) {
        host = FL_S("127.0.0.1");
    }
    if (host.n == 0 || host.n >= INET6_ADDRSTRLEN || memchr(host.p, '\0', host.n) != NULL) {
        return false;
    }
    memcpy(literal, host.p, host.n);
    literal[host.n] = '\0';
    return true;
}

fl_status fl_addr_parse(fl_str text, struct sockaddr_storage *out, fl_err *err)
{
    fl_str host = {0}, port_text = {0};
    bool bracketed = false;
    FL_TRY(split(text, &host, &port_text, &bracketed, err));
    uint64_t port;
    if (!fl_str_to_u64(port_text, &port) || port > UINT16_MAX) {
        FL_FAIL(err, FL_E_CONFIG, "\"%.*s\": the port is not a number from 0 to 65535", FL_P(text));
    }
    char literal[INET6_ADDRSTRLEN];
    if (!literal_of(host, bracketed, literal)) {
        FL_FAIL(err, FL_E_CONFIG, "\"%.*s\" has no address", FL_P(text));
    }
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    struct sockaddr_storage addr = {0};
    if (!bracketed && inet_pton(AF_INET, literal, &v4.sin_addr) == 1) {
        memcpy(&addr, &v4, sizeof v4);
    } else if (bracketed && inet_pton(AF_INET6, literal, &v6.sin6_addr) == 1) {
        memcpy(&addr, &v6, sizeof v6);
    } else {
        FL_FAIL(
            err, FL_E_CONFIG,
            "\"%.*s\": the host is neither an IP address nor localhost (names are not looked up)",
            FL_P(text));
    }
    *out = addr;
    return FL_OK;
}

bool fl_addr_is_loopback(const struct sockaddr_storage *addr)
{
    if (addr->ss_family == AF_INET) {
        return ntohl(as_v4(addr)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (addr->ss_family == AF_INET6) {
        const struct in6_addr *ip = &as_v6(addr)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(ip) ||
               (IN6_IS_ADDR_V4MAPPED(ip) && ip->s6_addr[12] == IN_LOOPBACKNET);
    }
    return addr->ss_family == AF_UNIX;
}

void fl_addr_emit(const struct sockaddr_storage *addr, fl_buf *out)
{
    char literal[INET6_ADDRSTRLEN] = "";
    if (addr->ss_family == AF_INET) {
        (void)inet_ntop(AF_INET, &as_v4(addr)->sin_addr, literal, sizeof literal);
        fl_buf_add_str(out, fl_str_of(literal));
        fl_buf_add_byte(out, ':');
        fl_buf_add_u64(out, ntohs(as_v4(addr)->sin_port));
    } else if (addr->ss_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &as_v6(addr)->sin6_addr, literal, sizeof literal);
        fl_buf_add_byte(out, '[');
        fl_buf_add_str(out, fl_str_of(literal));
        fl_buf_add_str(out, FL_S("]:"));
        fl_buf_add_u64(out, ntohs(as_v6(addr)->sin6_port));
    } else if (addr->ss_family == AF_UNIX) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)addr;
        fl_buf_add(out, un->sun_path, strnlen(un->sun_path, sizeof un->sun_path));
    }
}

socklen_t net_addr_len(const struct sockaddr_storage *addr)
{
    switch (addr->ss_family) {
    case AF_INET:
        return sizeof(struct sockaddr_in);
    case AF_INET6:
        return sizeof(struct sockaddr_in6);
    default:
        return sizeof(struct sockaddr_un);
    }
}
