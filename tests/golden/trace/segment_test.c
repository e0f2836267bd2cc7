/*
 * Documents as the SDKs and the OpenTelemetry exporter write them (trace/sdk/<producer>.json), the
 * compiled document that each becomes, and its packed form, which has to be read for ever.
 */
#include <stdio.h>
#include <stdlib.h>

#include "codec/codec.h"
#include "support/segment.h"

#define PATH_MAX_BYTES 200

static void print_path(char path[PATH_MAX_BYTES], const char *root, const char *producer,
                       const char *ending)
{
    snprintf(path, PATH_MAX_BYTES, "%strace/sdk/%s%s", root, producer, ending);
}

static void check_compiled(const fl_segment *segment, const char *producer)
{
    char path[PATH_MAX_BYTES];
    fl_buf out;
    fl_buf_init(&out, 1 << 20);
    fl_segment_emit(segment, &out);
    fl_buf_add_byte(&out, '\n');
    print_path(path, "", producer, ".compiled.json");
    test_golden(path, fl_buf_str(&out));
    fl_buf_fini(&out);
}

/* 32 bytes a line. */
static void check_packed(const fl_segment *segment, const char *producer)
{
    char path[PATH_MAX_BYTES];
    fl_buf packed;
    fl_buf hex;
    fl_buf_init(&packed, 1 << 20);
    fl_buf_init(&hex, 1 << 20);
    fl_segment_pack(segment, &packed);
    for (size_t i = 0; i < packed.n; i++) {
        fl_buf_add_hex(&hex, (unsigned char)packed.p[i], 2);
        if (i % 32 == 31 || i + 1 == packed.n) {
            fl_buf_add_byte(&hex, '\n');
        }
    }
    print_path(path, "", producer, ".packed.hex");
    test_golden(path, fl_buf_str(&hex));
    fl_buf_fini(&packed);
    fl_buf_fini(&hex);
}

static void read_hex(const char *path, fl_buf *out)
{
    size_t n;
    char *text = test_read_file(path, &n);
    fl_buf_init(out, n);
    for (size_t i = 0; i + 1 < n; i += text[i + 2] == '\n' ? 3 : 2) {
        uint64_t byte;
        assert_true(fl_hex_read(text + i, 2, &byte));
        fl_buf_add_byte(out, (char)byte);
    }
    free(text);
}

/* The file's bytes, not those that were packed just now. */
static void check_unpacked(fl_arena *arena, const char *producer)
{
    char path[PATH_MAX_BYTES];
    fl_buf packed;
    fl_err err = {0};
    fl_segment *segment;
    print_path(path, "/golden/", producer, ".packed.hex");
    read_hex(path, &packed);
    assert_ok(fl_segment_unpack(arena, fl_buf_str(&packed), &segment, &err), &err);
    check_compiled(segment, producer);
    fl_buf_fini(&packed);
}

static void check(const char *producer)
{
    char path[PATH_MAX_BYTES];
    size_t n;
    fl_arena arena;
    fl_arena_init(&arena, 16 << 20);
    print_path(path, "/golden/", producer, ".json");
    char *text = test_read_file(path, &n);
    const fl_segment *segment = test_decode_one(&arena, text);
    check_compiled(segment, producer);
    check_packed(segment, producer);
    check_unpacked(&arena, producer);
    free(text);
    fl_arena_fini(&arena);
}

#define PRODUCER_TEST(producer)                                                                    \
    static void document_of_##producer(void **state)                                               \
    {                                                                                              \
        (void)state;                                                                               \
        check(#producer);                                                                          \
    }

PRODUCER_TEST(python)
PRODUCER_TEST(node)
PRODUCER_TEST(go)
PRODUCER_TEST(java)
PRODUCER_TEST(otel)
PRODUCER_TEST(otel_client_span)
PRODUCER_TEST(lambda)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_of_python),
        cmocka_unit_test(document_of_node),
        cmocka_unit_test(document_of_go),
        cmocka_unit_test(document_of_java),
        cmocka_unit_test(document_of_otel),
        cmocka_unit_test(document_of_lambda),
        cmocka_unit_test(document_of_otel_client_span),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
