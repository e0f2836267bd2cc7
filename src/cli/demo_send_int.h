/*
 * Ways for documents to a server: datagrams of the daemon protocol, or PutTraceSegments.
 */
#ifndef FL_CLI_DEMO_SEND_INT_H
#define FL_CLI_DEMO_SEND_INT_H

#include "cli/client_int.h"

typedef struct fl_sender fl_sender;

/* Datagrams to host and port, paced so that a server's buffers do not overflow. Nothing
 * acknowledges them; that nobody listens shows as FL_E_UNREACHABLE on this machine only. */
FL_MUST fl_status fl_sender_new_udp(const char *host, const char *port, fl_sender **out,
                                    fl_err *err);
/* Batches over HTTP, each acknowledged. */
FL_MUST fl_status fl_sender_new_http(const fl_server_address *address, fl_sender **out,
                                     fl_err *err);
void fl_sender_free(fl_sender *sender);

/* May hold the document back until the next flush. Errors: FL_E_UNREACHABLE, FL_E_INVALID when the
 * server refuses a document, FL_E_TOO_LARGE beyond a datagram. */
FL_MUST fl_status fl_sender_send(fl_sender *sender, fl_str document, fl_err *err);
FL_MUST fl_status fl_sender_flush(fl_sender *sender, fl_err *err);

#endif
