#include "support/bedrock_story.h"

/*
 * The framing, told to be one. Half of the inputs get their CRCs mended first, for no mutation does
 * that: then lengths, headers and payloads are what is tried. Reading tells the same for any split.
 */

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_be32(unsigned char *p, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        p[i] = (unsigned char)(value >> (24 - 8 * i));
    }
}

static void mend(unsigned char *p, size_t n)
{
    while (n >= 16) {
        size_t total = be32(p);
        put_be32(p + 8, fl_crc32(0, (fl_str){(const char *)p, 8}));
        if (total < 16 || total > n) {
            break;
        }
        put_be32(p + total - 4, fl_crc32(0, (fl_str){(const char *)p, total - 4}));
        p += total;
        n -= total;
    }
}

static void read_in_steps(test_story *story, fl_str text, size_t step)
{
    test_story_init(story);
    story->options.format = FL_BEDROCK_FORMAT_EVENTSTREAM;
    test_story_read(story, text, step);
    if (story->status != FL_OK) {
        fl_bug("bad input is an error instead of a diagnostic");
    }
    if (fl_budget_used(&story->budget) != 0) {
        fl_bug("memory was not given back");
    }
}

static void check_same(const fl_buf *a, const fl_buf *b, const char *what)
{
    if (!fl_str_eq(fl_buf_str(a), fl_buf_str(b))) {
        fl_bug(what);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fl_buf copy;
    test_story whole;
    test_story pieces;
    if (n < 2) {
        return 0;
    }
    fl_buf_init(&copy, SIZE_MAX);
    fl_buf_add(&copy, bytes + 1, n - 1);
    if (bytes[0] % 2 == 0) {
        mend((unsigned char *)copy.p, copy.n);
    }
    read_in_steps(&whole, fl_buf_str(&copy), SIZE_MAX);
    read_in_steps(&pieces, fl_buf_str(&copy), (size_t)bytes[0] / 2 + 1);
    check_same(&whole.events, &pieces.events, "a split changes the events");
    check_same(&whole.codes, &pieces.codes, "a split changes the diagnostics");
    check_same(&whole.messages, &pieces.messages, "a split changes the messages");
    test_story_fini(&whole);
    test_story_fini(&pieces);
    fl_buf_fini(&copy);
    return 0;
}
