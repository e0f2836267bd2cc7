/* The head of an answer. */
#include "net/http_int.h"

static fl_str reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status) {
            return fl_str_of(reasons[i].reason);
        }
    }
    return FL_S("Status");
}

/* Would this text end the line that it is put on? */
static bool breaks_line(fl_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\r' || text.p[i] == '\n' || text.p[i] == '\0') {
            return true;
        }
    }
    return false;
}

static void add_header(fl_buf *out, fl_str name, fl_str value)
{
    if (breaks_line(name) || breaks_line(value)) {
        return;
    }
    fl_buf_add_str(out, name);
    fl_buf_add_str(out, FL_S(": "));
    fl_buf_add_str(out, value);
    fl_buf_add_str(out, FL_S("\r\n"));
}

void http_emit_head(fl_buf *out, const fl_http_response *response, const http_answer_form *form)
{
    fl_buf_add_str(out, FL_S("HTTP/1.1 "));
    fl_buf_add_i64(out, response->status);
    fl_buf_add_byte(out, ' ');
    fl_buf_add_str(out, reason_of(response->status));
    fl_buf_add_str(out, FL_S("\r\n"));
    if (response->content_type.n > 0) {
        add_header(out, FL_S("Content-Type"), response->content_type);
    }
    if (response->status >= 200 && response->status != 204 && response->status != 304) {
        fl_buf_add_str(out, FL_S("Content-Length: "));
        fl_buf_add_u64(out, form->body_bytes);
        fl_buf_add_str(out, FL_S("\r\n"));
    }
    for (size_t i = 0; i < response->header_count; i++) {
        add_header(out, response->headers[i].name, response->headers[i].value);
    }
    if (form->allow.n > 0) {
        add_header(out, FL_S("Allow"), form->allow);
    }
    if (!form->keep_alive) {
        fl_buf_add_str(out, FL_S("Connection: close\r\n"));
    } else if (form->http_1_0) {
        fl_buf_add_str(out, FL_S("Connection: keep-alive\r\n"));
    }
    fl_buf_add_str(out, FL_S("\r\n"));
}
