/*
 * Ways for documents to a server: datagrams of the daemon protocol, or PutTraceSegments.
 */
#ifndef FL_CLI_SENDER_INT_H
#define FL_CLI_SENDER_INT_H

#include "cli/client_int.h"

typedef struct fl_sender fl_sender;

/* Datagrams to host and port, paced so that a server's buffers do not overflow. Nothing
 * acknowledges them; that nobody listens shows as FL_E_UNREACHABLE on this machine only. */
FL_MUST fl_status fl_sender_new_udp(const char *host, const char *port, fl_sender **out,
                                    fl_err *err);
/* The same to "HOST:PORT", as option --udp takes it; "[::1]:2000" is fine. Errors: FL_E_INVALID
 * too. */
FL_MUST fl_status fl_sender_new_udp_to(const char *host_port, fl_sender **out, fl_err *err);
/* Batches over HTTP, in order, each acknowledged: at most 50 documents and 1 MiB. A call that is
 * answered by 429 or 5xx, or not at all after others were, is tried five times within 7.5 s; so are
 * documents that the server throttles. */
FL_MUST fl_status fl_sender_new_http(const fl_server_address *address, fl_sender **out,
                                     fl_err *err);
void fl_sender_free(fl_sender *sender); /* NULL is fine */

/* Documents that are refused for good, or too large for a datagram, go to taker, and sending goes
 * on. Without one they are errors. The refusal is borrowed during the call. */
typedef void (*fl_refusal_taker)(void *user, const fl_refusal *refusal);
void fl_sender_on_refusal(fl_sender *sender, fl_refusal_taker taker, void *user);

/* May hold the document back until the next flush; id is its own. Errors: FL_E_UNREACHABLE,
 * FL_E_INVALID when the server refuses a document, FL_E_TOO_LARGE beyond a datagram. */
FL_MUST fl_status fl_sender_send(fl_sender *sender, uint64_t id, fl_str document, fl_err *err);
FL_MUST fl_status fl_sender_flush(fl_sender *sender, fl_err *err);

#endif
