/*
 * Any bytes as a chunk or a dictionary: the first byte picks the kind and whether there is a
 * dictionary, the next two are the count. What can be read goes through a column and is read again:
 * it must be the same, as must be what single values are. Where not all can be read, single ones
 * may.
 */
#include <stdlib.h>

#include "store/part/column_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define MEMORY_MAX ((size_t)256 << 20)

static void expect(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool same(const fl_values *a, const fl_values *b, uint32_t i)
{
    switch (a->kind) {
    case FL_COLUMN_INT:
        return a->ints[i] == b->ints[i];
    case FL_COLUMN_ID:
        return a->ids[i] == b->ids[i];
    default:
        return fl_str_eq(fl_values_text(a, i), fl_values_text(b, i));
    }
}

static void write_and_compare(fl_arena *arena, fl_zstd *zstd, const fl_values *values)
{
    fl_column_encoder *encoder = fl_column_encoder_new();
    fl_column *column = fl_column_new(values->kind, NULL, true);
    fl_values again;
    fl_buf chunk, filter;
    fl_buf_init(&chunk, MEMORY_MAX);
    fl_buf_init(&filter, MEMORY_MAX);
    expect(encoder != NULL && column != NULL);
    if (fl_column_add_values(column, values, 0, values->count, NULL) &&
        fl_column_encode(column, encoder, &chunk, &filter, NULL) == FL_OK) {
        fl_status status = fl_values_read(arena, zstd, values->kind, fl_buf_str(&chunk),
                                          values->count, NULL, &again, NULL);
        expect(status == FL_OK || status == FL_E_NOMEM);
        for (uint32_t i = 0; status == FL_OK && i < values->count; i++) {
            expect(same(values, &again, i));
        }
    }
    fl_column_encoder_free(encoder);
    fl_column_free(column);
    fl_buf_fini(&chunk);
    fl_buf_fini(&filter);
}

/* Single values; `all` is NULL if not all can be read. */
static void pick(fl_arena *arena, fl_zstd *zstd, fl_column_kind kind, uint32_t count, fl_str chunk,
                 const fl_dictionary *dictionary, const fl_values *all)
{
    fl_picker *picker;
    fl_status status = fl_picker_new(arena, zstd, kind, chunk, count, dictionary, &picker, NULL);
    expect(status == FL_OK || all == NULL || status == FL_E_NOMEM);
    for (uint32_t i = count; status == FL_OK && i-- != 0;) {
        int64_t number = 0;
        uint64_t id = 0;
        fl_str text = {0};
        fl_status picked = kind == FL_COLUMN_INT  ? fl_pick_int(picker, i, &number, NULL)
                           : kind == FL_COLUMN_ID ? fl_pick_id(picker, i, &id, NULL)
                                                  : fl_pick_text(picker, i, &text, NULL);
        if (all == NULL || picked == FL_E_NOMEM) {
            continue;
        }
        expect(picked == FL_OK);
        expect(kind == FL_COLUMN_INT  ? number == all->ints[i]
               : kind == FL_COLUMN_ID ? id == all->ids[i]
                                      : fl_str_eq(text, fl_values_text(all, i)));
    }
}

/* A chunk that may not have a code has none. */
static void look_for_codes(fl_arena *arena, fl_zstd *zstd, uint32_t count, fl_str chunk,
                           const fl_dictionary *dictionary, const fl_values *all)
{
    static const uint8_t wanted[] = {0, 1};
    bool may, has = false;
    if (dictionary == NULL || fl_dictionary_count(dictionary) != sizeof wanted ||
        fl_chunk_may_have_code(arena, zstd, chunk, count, wanted, sizeof wanted, &may, NULL) !=
            FL_OK) {
        return;
    }
    for (uint32_t i = 0; all != NULL && all->texts == NULL && i < all->count; i++) {
        has |= wanted[all->codes[i]] != 0;
    }
    expect(may || !has);
}

static void read_chunk(fl_column_kind kind, uint32_t count, fl_str chunk,
                       const fl_dictionary *dictionary)
{
    fl_arena arena;
    fl_zstd *zstd = fl_zstd_new();
    fl_values values;
    fl_chunk_facts facts;
    fl_arena_init(&arena, MEMORY_MAX);
    expect(zstd != NULL);
    (void)!fl_chunk_facts_read(kind, chunk, &facts, NULL);
    fl_status status = fl_values_read(&arena, zstd, kind, chunk, count, dictionary, &values, NULL);
    const fl_values *all = status == FL_OK ? &values : NULL;
    pick(&arena, zstd, kind, count, chunk, dictionary, all);
    if (kind == FL_COLUMN_TEXT) {
        look_for_codes(&arena, zstd, count, chunk, dictionary, all);
    }
    if (all != NULL) {
        write_and_compare(&arena, zstd, &values);
    }
    fl_arena_fini(&arena);
    fl_zstd_free(zstd);
}

/* `entries`, or nothing if it is no dictionary. */
static fl_dictionary *read_dictionary(fl_str entries)
{
    fl_zstd *zstd = fl_zstd_new();
    fl_dictionary *dictionary = NULL;
    expect(zstd != NULL);
    (void)!fl_dictionary_read(zstd, entries, &dictionary, NULL);
    fl_zstd_free(zstd);
    return dictionary;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n < 3 || n > 100000) {
        return 0;
    }
    unsigned choice = bytes[0];
    uint32_t count = (uint32_t)bytes[1] | (uint32_t)bytes[2] << 8;
    fl_str rest = {(const char *)bytes + 3, n - 3};
    if (choice / 3 % 4 == 3) {
        fl_dictionary_free(read_dictionary(rest));
        return 0;
    }
    /* a list of two plain texts */
    fl_dictionary *dictionary =
        choice / 3 % 4 == 0 ? read_dictionary(FL_S("\x02\x00\x00\x02\x00\x00xy")) : NULL;
    expect(choice / 3 % 4 != 0 || dictionary != NULL);
    read_chunk((fl_column_kind)(choice % 3), count, rest, dictionary);
    fl_dictionary_free(dictionary);
    return 0;
}
