/*
 * Terms on values, and on a packed segment by its rows.
 */
#include "codec/codec.h"
#include "store/part/part.h"
#include "store/part/term_int.h"

bool fl_term_text_holds(const fl_store_term *term, fl_str text)
{
    fl_str wanted = term->text;
    if (wanted.n == 0) {
        return term->op != FL_TERM_EQUAL || text.n == 0;
    }
    if (text.n < wanted.n) {
        return false;
    }
    switch (term->op) {
    case FL_TERM_EQUAL:
        return fl_str_eq(text, wanted);
    case FL_TERM_PREFIX:
        return memcmp(text.p, wanted.p, wanted.n) == 0;
    case FL_TERM_SUFFIX:
        return memcmp(text.p + (text.n - wanted.n), wanted.p, wanted.n) == 0;
    case FL_TERM_CONTAINS:
        return memmem(text.p, text.n, wanted.p, wanted.n) != NULL;
    default:
        return false;
    }
}

bool fl_term_sent_number_holds(const fl_store_term *term, fl_str number)
{
    return fl_term_number_holds(term, fl_json_double(number));
}

/* ---- Leaves */

bool fl_term_has_key(const fl_store_term *term)
{
    return term->key.p != NULL && fl_str_eq(term->field, FL_S("annotations"));
}

/* What is left of a path behind the term's field; absent if the path is of another field. */
static fl_str behind_field(const fl_store_term *term, fl_str path)
{
    fl_str field = term->field, key = term->key;
    if (path.n < field.n || memcmp(path.p, field.p, field.n) != 0) {
        return (fl_str){0};
    }
    fl_str rest = {path.p + field.n, path.n - field.n};
    if (!fl_term_has_key(term)) {
        return rest;
    }
    if (rest.n < key.n + 1 || rest.p[0] != '.' ||
        (key.n != 0 && memcmp(rest.p + 1, key.p, key.n) != 0)) {
        return (fl_str){0};
    }
    return (fl_str){rest.p + key.n + 1, rest.n - key.n - 1};
}

bool fl_term_leaf_fits(const fl_store_term *term, const fl_leaf *leaf)
{
    fl_str rest = behind_field(term, leaf->path);
    if (rest.p == NULL) {
        return false;
    }
    if (term->op == FL_TERM_PRESENT) { /* the member, even empty, or one inside of it */
        return rest.n == 0 || (rest.p[0] == '.' && !fl_term_has_key(term));
    }
    if (rest.n != 0 || leaf->role != FL_ROLE_NONE) {
        return false;
    }
    switch (term->op) {
    case FL_TERM_TRUE:
        return leaf->kind == FL_LEAF_TRUE;
    case FL_TERM_FALSE:
        return leaf->kind == FL_LEAF_FALSE;
    case FL_TERM_RANGE:
        return leaf->kind == FL_LEAF_INT || leaf->kind == FL_LEAF_NUMBER;
    default:
        return leaf->kind == FL_LEAF_TEXT;
    }
}

static bool value_holds(const fl_store_term *term, const fl_leaf *leaf, const fl_value *value)
{
    switch (leaf->kind) {
    case FL_LEAF_INT:
        return fl_term_number_holds(term, (double)value->number);
    case FL_LEAF_NUMBER:
        return fl_term_sent_number_holds(term, value->text);
    default:
        return fl_term_text_holds(term, value->text);
    }
}

/* ---- A packed segment */

typedef struct row_match {
    const fl_store_term *terms;
    size_t count;
    uint64_t held;
    const fl_value *value; /* of the next leaf that has one */
} row_match;

static bool match_leaf(void *user, const fl_leaf *leaf)
{
    row_match *match = user;
    for (size_t i = 0; i < match->count; i++) {
        const fl_store_term *term = &match->terms[i];
        if ((match->held >> i & 1) == 0 && fl_term_leaf_fits(term, leaf) &&
            (!fl_term_asks_for_value(term) || value_holds(term, leaf, match->value))) {
            match->held |= UINT64_C(1) << i;
        }
    }
    match->value += fl_leaf_has_value(leaf->kind) ? 1 : 0;
    return true;
}

static fl_status match_rows(const fl_shredder *shredder, row_match *match, fl_err *err)
{
    for (uint32_t i = 0; i < shredder->row_count; i++) {
        match->value = shredder->rows[i].values;
        if (fl_shape_read(shredder->rows[i].shape, match_leaf, match) != FL_OK) {
            FL_FAIL(err, FL_E_CORRUPT, "the rows of a packed segment cannot be read");
        }
    }
    return FL_OK;
}

/* The bytes of keys and texts stand in the packed segment as they are: most segments are told from
 * the ones that may match without being taken apart. */
static bool may_hold(fl_str packed, const fl_store_term *term)
{
    bool key_is_there = !fl_term_has_key(term) || term->key.n == 0 ||
                        memmem(packed.p, packed.n, term->key.p, term->key.n) != NULL;
    return key_is_there && (!fl_term_is_of_text(term) || term->text.n == 0 ||
                            memmem(packed.p, packed.n, term->text.p, term->text.n) != NULL);
}

fl_status fl_part_match_packed(fl_str packed, const fl_store_term *terms, size_t count,
                               uint64_t *held, fl_err *err)
{
    bool worth_it = false;
    for (size_t i = 0; i < count && !worth_it; i++) {
        worth_it = (*held >> i & 1) == 0 && may_hold(packed, &terms[i]);
    }
    if (!worth_it) {
        return FL_OK;
    }
    FL_AUTO(fl_shredder) shredder = {0};
    row_match match = {.terms = terms, .count = count, .held = *held};
    FL_TRY(fl_shred(&shredder, packed, err));
    if (shredder.keep_whole) {
        return fl_term_match_whole(packed, terms, count, held, err);
    }
    FL_TRY(match_rows(&shredder, &match, err));
    *held = match.held;
    return FL_OK;
}
