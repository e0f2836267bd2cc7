#include <zlib.h>

#include "codec/codec.h"
#include "support/test.h"

#define GZIP (15 + 16)
#define ZLIB 15

/* Packed bytes appended to out. */
static void pack(fl_str raw, int format, fl_buf *out)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, format, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t bound = deflateBound(&stream, raw.n);
    char *room = fl_buf_room(out, bound);
    assert_non_null(room);
    stream.next_in = (Bytef *)(uintptr_t)raw.p;
    stream.avail_in = (uInt)raw.n;
    stream.next_out = (Bytef *)room;
    stream.avail_out = (uInt)bound;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    fl_buf_grow(out, bound - stream.avail_out);
    deflateEnd(&stream);
}

typedef struct fixture {
    fl_buf raw, packed, out;
    fl_err err;
} fixture;

static int begin(void **state)
{
    static fixture f;
    fl_buf_init(&f.raw, 1 << 20);
    fl_buf_init(&f.packed, 1 << 20);
    fl_buf_init(&f.out, 1 << 20);
    for (int i = 0; f.raw.n < 300000; i++) {
        fl_buf_add_u64(&f.raw, (uint64_t)i * 2654435761U);
    }
    *state = &f;
    return 0;
}

static int end(void **state)
{
    fixture *f = *state;
    fl_buf_fini(&f->raw);
    fl_buf_fini(&f->packed);
    fl_buf_fini(&f->out);
    return 0;
}

static fl_status unpack(fixture *f, size_t n)
{
    return fl_gzip_inflate((fl_str){f->packed.p, n}, &f->out, &f->err);
}

static void gzip_and_zlib_streams_are_inflated(void **state)
{
    fixture *f = *state;
    pack(fl_buf_str(&f->raw), GZIP, &f->packed);
    fl_buf_add_byte(&f->out, '>');
    assert_ok(unpack(f, f->packed.n), &f->err);
    assert_int_equal(f->out.n, f->raw.n + 1);
    assert_memory_equal(f->out.p + 1, f->raw.p, f->raw.n);
    fl_buf_reset(&f->packed);
    fl_buf_reset(&f->out);
    pack(fl_buf_str(&f->raw), ZLIB, &f->packed);
    assert_ok(unpack(f, f->packed.n), &f->err);
    assert_true(fl_str_eq(fl_buf_str(&f->out), fl_buf_str(&f->raw)));
}

static void several_gzip_members_are_one_text(void **state)
{
    fixture *f = *state;
    pack(FL_S("one "), GZIP, &f->packed);
    pack(FL_S(""), GZIP, &f->packed);
    pack(FL_S("two"), GZIP, &f->packed);
    assert_ok(unpack(f, f->packed.n), &f->err);
    assert_str(fl_buf_str(&f->out), "one two");
}

static void an_empty_content_is_fine_but_an_empty_stream_is_not(void **state)
{
    fixture *f = *state;
    pack(FL_S(""), GZIP, &f->packed);
    assert_ok(unpack(f, f->packed.n), &f->err);
    assert_int_equal(f->out.n, 0);
    assert_int_equal(unpack(f, 0), FL_E_SYNTAX);
    assert_int_equal(fl_gzip_inflate((fl_str){0}, &f->out, NULL), FL_E_SYNTAX);
}

static void every_cut_is_refused_and_leaves_nothing(void **state)
{
    fixture *f = *state;
    pack(FL_S("some text, some text, some more text"), GZIP, &f->packed);
    fl_buf_add_byte(&f->out, '>');
    for (size_t n = 0; n < f->packed.n; n++) {
        assert_int_equal(unpack(f, n), FL_E_SYNTAX);
        assert_str(fl_buf_str(&f->out), ">");
    }
}

static void damage_and_trailing_bytes_are_refused(void **state)
{
    fixture *f = *state;
    pack(FL_S("some text, some text, some more text"), GZIP, &f->packed);
    fl_buf_add_byte(&f->packed, 'x');
    assert_int_equal(unpack(f, f->packed.n), FL_E_SYNTAX);
    f->packed.p[f->packed.n - 9] ^= 1; /* the last byte of the data */
    assert_int_equal(unpack(f, f->packed.n - 1), FL_E_SYNTAX);
    f->packed.p[0] = 'x';
    assert_int_equal(unpack(f, f->packed.n - 1), FL_E_SYNTAX);
    assert_non_null(strstr(f->err.message, "byte "));
    assert_int_equal(f->out.n, 0);
}

static void output_may_fill_the_buffer_but_not_pass_it(void **state)
{
    fixture *f = *state;
    fl_buf_reset(&f->raw);
    fl_buf_fill(&f->raw, 'x', 200000);
    pack(fl_buf_str(&f->raw), GZIP, &f->packed);
    f->out.max_bytes = 200000;
    assert_ok(unpack(f, f->packed.n), &f->err);
    assert_int_equal(f->out.n, 200000);
    fl_buf_fini(&f->out);
    fl_buf_init(&f->out, 199999);
    assert_int_equal(unpack(f, f->packed.n), FL_E_TOO_LARGE);
    assert_int_equal(f->out.n, 0);
    fl_buf_fini(&f->out);
    assert_int_equal(unpack(f, f->packed.n), FL_E_TOO_LARGE);
}

static void a_buffer_in_error_stays_so(void **state)
{
    fixture *f = *state;
    pack(FL_S("x"), GZIP, &f->packed);
    f->out.status = FL_E_NOMEM;
    assert_int_equal(unpack(f, f->packed.n), FL_E_NOMEM);
}

#define GZIP_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GZIP_TEST(gzip_and_zlib_streams_are_inflated),
        GZIP_TEST(several_gzip_members_are_one_text),
        GZIP_TEST(an_empty_content_is_fine_but_an_empty_stream_is_not),
        GZIP_TEST(every_cut_is_refused_and_leaves_nothing),
        GZIP_TEST(damage_and_trailing_bytes_are_refused),
        GZIP_TEST(output_may_fill_the_buffer_but_not_pass_it),
        GZIP_TEST(a_buffer_in_error_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
