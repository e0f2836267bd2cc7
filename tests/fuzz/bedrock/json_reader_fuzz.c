#include "support/bedrock_story.h"

/* Whatever the bytes are, reading ends, gives back its memory, and tells the same for any split of
 * them: events, places and diagnostics. */

/* The lengths of the pieces come out of the input itself. */
typedef struct split {
    fl_str bytes;
    size_t at;
} split;

static size_t next_piece(void *user, size_t left)
{
    split *s = user;
    size_t n = (unsigned char)s->bytes.p[s->at++ % s->bytes.n] % 23 + 1;
    return n < left ? n : left;
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
    test_story whole;
    test_story pieces;
    fl_str text = {(const char *)bytes, n};
    split s = {.bytes = text};
    test_story_init(&whole);
    test_story_init(&pieces);
    test_story_read(&whole, text, SIZE_MAX);
    test_story_read_split(&pieces, text, next_piece, &s);
    if (whole.status != FL_OK || pieces.status != FL_OK) {
        fl_bug("bad input is an error instead of a diagnostic");
    }
    check_same(&whole.events, &pieces.events, "a split changes the events");
    check_same(&whole.codes, &pieces.codes, "a split changes the diagnostics");
    check_same(&whole.messages, &pieces.messages, "a split changes the messages");
    if (fl_budget_used(&whole.budget) != 0 || fl_budget_used(&pieces.budget) != 0) {
        fl_bug("memory was not given back");
    }
    if (!fl_utf8_valid(fl_buf_str(&whole.messages))) {
        fl_bug("a message is no UTF-8");
    }
    test_story_fini(&whole);
    test_story_fini(&pieces);
    return 0;
}
