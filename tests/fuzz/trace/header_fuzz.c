#include "trace/header.h"

/* Any text is a trace header; what is written of it is read to the same again. */

static void check_written(const fl_trace_header *header)
{
    fl_buf first;
    fl_buf second;
    fl_trace_header again;
    fl_buf_init(&first, SIZE_MAX);
    fl_buf_init(&second, SIZE_MAX);
    fl_trace_header_emit(header, &first);
    fl_trace_header_parse(fl_buf_str(&first), &again);
    fl_trace_header_emit(&again, &second);
    if (!fl_str_eq(fl_buf_str(&first), fl_buf_str(&second))) {
        fl_bug("a header that was written is read as another");
    }
    fl_buf_fini(&first);
    fl_buf_fini(&second);
}

static void check_traceparent(fl_str text)
{
    fl_trace_header header;
    fl_trace_header again;
    fl_buf out;
    if (!fl_trace_header_from_traceparent(text, &header)) {
        return;
    }
    fl_buf_init(&out, SIZE_MAX);
    if (!fl_trace_header_to_traceparent(&header, &out) ||
        !fl_trace_header_from_traceparent(fl_buf_str(&out), &again) ||
        !fl_trace_id_eq(header.root, again.root) || header.parent != again.parent ||
        header.sampled != again.sampled) {
        fl_bug("a traceparent that was written is read as another");
    }
    fl_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fl_str text = {(const char *)bytes, n};
    fl_trace_header header;
    fl_trace_header_parse(text, &header);
    check_written(&header);
    check_traceparent(text);
    fl_trace_header_is_carrier(text);
    return 0;
}
