/*
 * libcurl, loaded when a subcommand first talks to a server. With all the libraries that it brings
 * along it takes 4 MB of memory, and `fluoro serve` has no use for it.
 */
#ifndef FL_CLI_CURL_INT_H
#define FL_CLI_CURL_INT_H

#include <curl/curl.h>

#include "base/base.h"

/* What we call of it. */
#define FL_CURL_TABLE(X)                                                                           \
    X(global_init)                                                                                 \
    X(global_cleanup)                                                                              \
    X(easy_init)                                                                                   \
    X(easy_setopt)                                                                                 \
    X(easy_perform)                                                                                \
    X(easy_getinfo)                                                                                \
    X(easy_strerror)                                                                               \
    X(easy_cleanup)                                                                                \
    X(slist_append)                                                                                \
    X(slist_free_all)                                                                              \
    X(url)                                                                                         \
    X(url_get)                                                                                     \
    X(url_set)                                                                                     \
    X(url_cleanup)                                                                                 \
    X(free)

typedef struct fl_curl {
#define FL_CURL_MEMBER(name) __typeof__(curl_##name) *name;
    FL_CURL_TABLE(FL_CURL_MEMBER)
#undef FL_CURL_MEMBER
} fl_curl;

/* Stays loaded until the program ends. FL_E_CONFIG: it is not installed. */
FL_MUST fl_status fl_curl_load(fl_curl *out, fl_err *err);

#endif
