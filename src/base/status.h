/*
 * Status codes and error details (STYLE "Errors"; wire names: api.md §1.5).
 *
 * A function that can fail returns fl_status and takes an optional fl_err as its last argument.
 * Outputs are written only on success. Everything here is thread-safe and allocates nothing.
 */
#ifndef FL_BASE_STATUS_H
#define FL_BASE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FL_MUST         __attribute__((warn_unused_result))
#define FL_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* One row per status: enum, text, X-Ray error name, HTTP status, exit code of the CLI, worth a
 * retry. */
#define FL_STATUS_TABLE(X)                                                                         \
    X(FL_OK, "ok", "", 200, 0, false)                                                              \
    X(FL_E_INVALID, "invalid request", "InvalidRequestException", 400, 2, false)                   \
    X(FL_E_VALIDATION, "a value breaks a limit", "ValidationException", 400, 2, false)             \
    X(FL_E_SYNTAX, "malformed input", "SerializationException", 400, 2, false)                     \
    X(FL_E_UNKNOWN_OPERATION, "unknown operation", "UnknownOperationException", 404, 2, false)     \
    X(FL_E_METHOD, "method not allowed", "UnknownOperationException", 405, 2, false)               \
    X(FL_E_NOT_FOUND, "not found", "ResourceNotFoundException", 404, 3, false)                     \
    X(FL_E_TOO_LARGE, "too large", "RequestEntityTooLargeException", 413, 2, false)                \
    X(FL_E_BUSY, "over budget for now", "ThrottledException", 429, 4, true)                        \
    X(FL_E_NOMEM, "out of memory", "ServiceUnavailable", 503, 5, true)                             \
    X(FL_E_SHUTDOWN, "shutting down", "ServiceUnavailable", 503, 5, true)                          \
    X(FL_E_TIMEOUT, "timed out", "ServiceUnavailable", 503, 5, true)                               \
    X(FL_E_UNREACHABLE, "cannot reach the server", "ServiceUnavailable", 503, 4, true)             \
    X(FL_E_IO, "input/output error", "InternalFailure", 500, 5, false)                             \
    X(FL_E_CORRUPT, "stored bytes are damaged", "InternalFailure", 500, 5, false)                  \
    X(FL_E_CONFIG, "configuration error", "InternalFailure", 500, 2, false)

typedef enum fl_status {
#define FL_STATUS_ENUM(code, text, name, http, exit, retry) code,
    FL_STATUS_TABLE(FL_STATUS_ENUM)
#undef FL_STATUS_ENUM
        FL_STATUS_COUNT
} fl_status;

/* What the edges make of a status. */
typedef struct fl_status_class {
    const char *text;       /* a few lower-case words */
    const char *error_name; /* X-Ray exception name, "" for FL_OK */
    int http;
    int exit_code;
    bool retryable;
} fl_status_class;

/* The row of a status; never NULL, an unknown value gets the row of FL_E_IO. */
const fl_status_class *fl_status_of(fl_status status);

#define FL_ERR_MESSAGE_MAX 240

/* Details of a failure, in the caller's memory; a message is cut at a character boundary. */
typedef struct fl_err {
    fl_status status;
    int line;         /* of the source that failed */
    const char *file; /* static text */
    char message[FL_ERR_MESSAGE_MAX];
} fl_err;

/* Fills err (NULL is fine) and returns status. */
fl_status fl_err_set(fl_err *err, fl_status status, const char *file, int line, const char *format,
                     ...) FL_PRINTF(5, 6);

/* Message of err, or the text of its status when it holds none. */
const char *fl_err_text(const fl_err *err, fl_status status);

/* Returns the status onward when call fails. */
#define FL_TRY(call)                                                                               \
    do {                                                                                           \
        fl_status fl_try_status = (call);                                                          \
        if (fl_try_status != FL_OK)                                                                \
            return fl_try_status;                                                                  \
    } while (0)

/* Fills err and returns from the function: FL_FAIL(err, FL_E_IO, "cannot open %s", path). The
 * status is returned itself, so that analysers see that it is not FL_OK. */
#define FL_FAIL(err, status, ...)                                                                  \
    do {                                                                                           \
        (void)fl_err_set((err), (status), __FILE__, __LINE__, __VA_ARGS__);                        \
        return (status);                                                                           \
    } while (0)

/* A broken invariant: writes one line to standard error and aborts. Never for input, disk, network.
 */
_Noreturn void fl_bug_at(const char *file, int line, const char *what);
#define fl_bug(what) fl_bug_at(__FILE__, __LINE__, (what))

/* Runs type##_fini on a variable when it leaves scope. */
#define FL_AUTO(type) __attribute__((cleanup(type##_fini))) type

/* Checked arithmetic on lengths that came from outside; true = it fits. */
static inline FL_MUST bool fl_size_add(size_t a, size_t b, size_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}
static inline FL_MUST bool fl_size_mul(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

#endif
