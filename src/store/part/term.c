/*
 * Terms on the columns of a part.
 *
 * For each term it is found out once which columns can have a value that holds it, and for texts of
 * the part's dictionaries which ones do. A block is first asked through membership filters, in
 * memory; only one that may have something is read, and of it only its directory and the columns in
 * question. What holds is known by spans, and gathered by rows: a bit for each term.
 *
 * The records of a row may go on in the next blocks, so that the last row of a block is judged
 * together with what the blocks behind have of it.
 */
#include <stdlib.h>

#include "store/part/part_int.h"
#include "store/part/term_int.h"

/* A column that has values of the kind that a term asks for. */
typedef struct source {
    uint32_t column;
    fl_leaf_kind kind;
    const fl_dictionary *dictionary; /* NULL if it has none */
    uint8_t *coded;                  /* for each entry: does it hold? */
    bool any_coded;
    uint16_t *counts; /* values that a span of each shape has; made at first use */
} source;

#define SOURCES_MAX 2

typedef struct prepared {
    const fl_store_term *term;
    uint64_t bit;
    uint64_t hash; /* of its text */
    source sources[SOURCES_MAX];
    uint32_t source_count;
} prepared;

/* The terms that hold for the entries of a block (fl_part_block.row_spans), as far as they were
 * looked at. */
typedef struct looked_at {
    uint32_t block; /* UINT32_MAX = nothing yet */
    uint64_t terms;
    uint64_t *held;
    size_t capacity;
} looked_at;

struct fl_part_match {
    fl_part_cursor *cursor;
    fl_part_block block; /* its own, so that the cursor may stay where rows are read */
    const fl_store_term *terms;
    size_t count;
    const fl_schema *schema;
    fl_arena arena;
    prepared *prepared;
    uint64_t groups[FL_TERMS_MAX]; /* of alternatives; first those that seem to hold rarely */
    size_t group_count;
    uint64_t grouped; /* all terms that are in groups */
    uint32_t at;      /* the block that was asked about last */
    /* Terms that the shape itself answers: booleans, and whether something is there */
    uint64_t by_shape;
    uint64_t *shape_held;
    uint8_t *shape_known;
    looked_at looked[2]; /* by the lowest bit of the block's number: a row may go on in the next */
};

static fl_status no_memory(fl_err *err)
{
    FL_FAIL(err, FL_E_NOMEM, "no memory for the terms of a scan");
}

/* ---- Making terms ready */

static bool text_of_kind_holds(const fl_store_term *term, fl_leaf_kind kind, fl_str text)
{
    return kind == FL_LEAF_NUMBER ? fl_term_sent_number_holds(term, text)
                                  : fl_term_text_holds(term, text);
}

/* Looks every entry of the column's dictionary up, or the only one that can be equal. */
static fl_status prepare_dictionary(fl_part_match *match, const fl_store_term *term, source *s,
                                    fl_err *err)
{
    FL_TRY(fl_part_dictionary(match->cursor->part, s->column, &s->dictionary, err));
    uint32_t entries = s->dictionary != NULL ? fl_dictionary_count(s->dictionary) : 0;
    uint32_t code;
    s->coded = fl_arena_zalloc(&match->arena, entries);
    if (s->coded == NULL) {
        return no_memory(err);
    }
    if (term->op == FL_TERM_EQUAL) {
        s->any_coded = entries != 0 && fl_dictionary_find(s->dictionary, term->text, &code);
        if (s->any_coded) {
            s->coded[code] = true;
        }
        return FL_OK;
    }
    for (code = 0; code < entries; code++) {
        s->coded[code] = text_of_kind_holds(term, s->kind, fl_dictionary_text(s->dictionary, code));
        s->any_coded |= s->coded[code] != 0;
    }
    return FL_OK;
}

static fl_status add_source(fl_part_match *match, prepared *p, fl_str path, fl_leaf_kind kind,
                            fl_err *err)
{
    source *s = &p->sources[p->source_count];
    *s = (source){.column = fl_schema_find(match->schema, path, kind), .kind = kind};
    if (s->column == UINT32_MAX) {
        return FL_OK;
    }
    p->source_count++;
    return kind != FL_LEAF_INT ? prepare_dictionary(match, p->term, s, err) : FL_OK;
}

static fl_status path_of(fl_part_match *match, const fl_store_term *term, fl_str *path, fl_err *err)
{
    *path = term->field;
    if (fl_term_has_key(term)) {
        size_t n = term->field.n + 1 + term->key.n;
        char *joined = fl_arena_alloc(&match->arena, n);
        if (joined == NULL) {
            return no_memory(err);
        }
        memcpy(joined, term->field.p, term->field.n);
        joined[term->field.n] = '.';
        memcpy(joined + term->field.n + 1, term->key.p, term->key.n);
        *path = (fl_str){joined, n};
    }
    return FL_OK;
}

static fl_status prepare(fl_part_match *match, size_t i, fl_err *err)
{
    const fl_store_term *term = &match->terms[i];
    prepared *p = &match->prepared[i];
    fl_str path;
    *p = (prepared){.term = term, .bit = UINT64_C(1) << i};
    if (!fl_term_asks_for_value(term)) {
        match->by_shape |= p->bit;
        return FL_OK;
    }
    FL_TRY(path_of(match, term, &path, err));
    p->hash = fl_filter_hash(term->text);
    if (fl_term_is_of_text(term)) {
        return add_source(match, p, path, FL_LEAF_TEXT, err);
    }
    FL_TRY(add_source(match, p, path, FL_LEAF_INT, err));
    return add_source(match, p, path, FL_LEAF_NUMBER, err);
}

/* How few traces a term is likely to hold for: a text that no dictionary has is rare, one of many
 * that a dictionary has is rarer than one of few. Of all else nothing is known. */
static uint32_t rarity(const prepared *p)
{
    uint32_t rarity = UINT32_MAX;
    if (p->term->op != FL_TERM_EQUAL) {
        return 0;
    }
    for (uint32_t i = 0; i < p->source_count; i++) {
        const source *s = &p->sources[i];
        rarity = s->any_coded ? fl_dictionary_count(s->dictionary) : rarity;
    }
    return rarity;
}

static void add_group(fl_part_match *match, uint32_t *rarities, uint64_t group, uint32_t rare)
{
    size_t at = match->group_count++;
    for (; at > 0 && rarities[at - 1] < rare; at--) {
        rarities[at] = rarities[at - 1];
        match->groups[at] = match->groups[at - 1];
    }
    rarities[at] = rare;
    match->groups[at] = group;
    match->grouped |= group;
}

/* A match needs a term of each group, so that one that rarely holds spares the others. */
static void make_groups(fl_part_match *match)
{
    uint32_t rarities[FL_TERMS_MAX], rarest = UINT32_MAX;
    uint64_t group = 0;
    for (size_t i = 0; i < match->count; i++) {
        uint32_t rare = rarity(&match->prepared[i]);
        rarest = rare < rarest ? rare : rarest;
        group |= match->prepared[i].bit;
        if (!match->terms[i].or_next || i + 1 == match->count) {
            add_group(match, rarities, group, rarest);
            group = 0;
            rarest = UINT32_MAX;
        }
    }
}

static fl_status prepare_all(fl_part_match *match, fl_err *err)
{
    FL_TRY(fl_part_schema(match->cursor->part, &match->schema, err));
    size_t shapes = match->schema->shape_count;
    match->prepared = FL_ARENA_ARRAY(&match->arena, prepared, match->count);
    match->shape_held = FL_ARENA_ARRAY(&match->arena, uint64_t, shapes);
    match->shape_known = FL_ARENA_ARRAY(&match->arena, uint8_t, shapes);
    if (match->prepared == NULL || match->shape_held == NULL || match->shape_known == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < match->count; i++) {
        FL_TRY(prepare(match, i, err));
    }
    make_groups(match);
    return FL_OK;
}

#define MATCH_BYTES_MAX ((size_t)64 << 20)

fl_status fl_part_match_new(fl_part_cursor *cursor, const fl_store_term *terms, size_t count,
                            fl_part_match **out, fl_err *err)
{
    if (count > FL_TERMS_MAX) {
        FL_FAIL(err, FL_E_TOO_LARGE, "%zu terms are more than a scan takes", count);
    }
    fl_part_match *match = calloc(1, sizeof *match);
    if (match == NULL) {
        return no_memory(err);
    }
    match->cursor = cursor;
    match->terms = terms;
    match->count = count;
    match->looked[0].block = match->looked[1].block = UINT32_MAX;
    fl_part_block_init(&match->block, cursor->part);
    fl_arena_init(&match->arena, MATCH_BYTES_MAX);
    fl_status status = prepare_all(match, err);
    if (status != FL_OK) {
        fl_part_match_free(match);
        return status;
    }
    *out = match;
    return FL_OK;
}

void fl_part_match_free(fl_part_match *match)
{
    if (match != NULL) {
        free(match->looked[0].held);
        free(match->looked[1].held);
        fl_part_block_fini(&match->block);
        fl_arena_fini(&match->arena);
        free(match);
    }
}

/* ---- What a block may have, from memory */

/* A filter that cannot be read tells nothing: the values themselves are asked. */
static fl_status read_filter(fl_part_match *match, uint32_t column, uint32_t block, fl_str *filter,
                             bool *is_known, fl_err *err)
{
    fl_status status = fl_part_filter(match->cursor->part, column, block, filter, err);
    *is_known = status == FL_OK;
    return status != FL_E_CORRUPT ? status : FL_OK;
}

/* A filter is there for each block whose texts of the column are not all in the dictionary. */
static fl_status source_may_hold(fl_part_match *match, const prepared *p, const source *s,
                                 uint32_t block, bool *may, fl_err *err)
{
    fl_str filter;
    bool is_known;
    *may = true;
    if (p->term->op == FL_TERM_EQUAL && fl_schema_column_is_filtered(match->schema, s->column)) {
        FL_TRY(read_filter(match, s->column, block, &filter, &is_known, err));
        if (is_known) {
            *may = filter.n != 0 ? fl_filter_may_have(filter, p->hash) : s->any_coded;
        }
    }
    return FL_OK;
}

/* Bits of the terms that may hold in a block. */
static fl_status block_may_hold(fl_part_match *match, uint32_t block, uint64_t *may, fl_err *err)
{
    fl_str packed;
    bool is_known;
    FL_TRY(read_filter(match, FL_COL_PACKED, block, &packed, &is_known, err));
    if (!is_known || packed.n != 0) { /* records that are not taken apart may have anything */
        *may = UINT64_MAX;
        return FL_OK;
    }
    *may = match->by_shape;
    for (size_t i = 0; i < match->count; i++) {
        const prepared *p = &match->prepared[i];
        for (uint32_t k = 0; k < p->source_count && (*may & p->bit) == 0; k++) {
            bool source_may;
            FL_TRY(source_may_hold(match, p, &p->sources[k], block, &source_may, err));
            *may |= source_may ? p->bit : 0;
        }
    }
    return FL_OK;
}

/* ---- Shapes */

typedef struct shape_match {
    const fl_part_match *match;
    uint64_t held;
} shape_match;

static bool match_leaf(void *user, const fl_leaf *leaf)
{
    shape_match *at = user;
    for (size_t i = 0; i < at->match->count; i++) {
        uint64_t bit = UINT64_C(1) << i;
        if ((at->match->by_shape & bit) != 0 && fl_term_leaf_fits(&at->match->terms[i], leaf)) {
            at->held |= bit;
        }
    }
    return true;
}

static fl_status shape_held(fl_part_match *match, uint32_t shape, uint64_t *held, fl_err *err)
{
    if (!match->shape_known[shape]) {
        shape_match at = {.match = match};
        if (shape != FL_SHAPE_PACKED &&
            fl_shape_read(match->schema->shapes[shape].bytes, match_leaf, &at) != FL_OK) {
            FL_FAIL(err, FL_E_CORRUPT, "%s has a shape that cannot be read",
                    match->cursor->part->path);
        }
        match->shape_held[shape] = at.held;
        match->shape_known[shape] = true;
    }
    *held = match->shape_held[shape];
    return FL_OK;
}

static fl_status look_at_shapes(fl_part_match *match, const fl_part_block *block, uint64_t *held,
                                fl_err *err)
{
    for (uint32_t entry = 0; entry <= block->info->rows; entry++) {
        for (uint32_t i = block->row_spans[entry]; i < block->row_spans[entry + 1]; i++) {
            uint64_t of_shape;
            FL_TRY(shape_held(match, (uint32_t)block->shapes[i], &of_shape, err));
            held[entry] |= of_shape;
        }
    }
    return FL_OK;
}

/* ---- Values */

static fl_status need_counts(fl_part_match *match, source *s, fl_err *err)
{
    if (s->counts != NULL) {
        return FL_OK;
    }
    uint16_t *counts = FL_ARENA_ARRAY(&match->arena, uint16_t, match->schema->shape_count);
    if (counts == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < match->schema->shape_count; i++) {
        const fl_schema_shape *shape = &match->schema->shapes[i];
        for (uint32_t k = 0; k < shape->value_count; k++) {
            counts[i] = (uint16_t)(counts[i] + (shape->columns[k] == s->column));
        }
    }
    s->counts = counts;
    return FL_OK;
}

/* Values that the spans begin … end - 1 have. */
static uint32_t values_of(const fl_part_block *block, const uint16_t *counts, uint32_t begin,
                          uint32_t end)
{
    uint32_t values = 0;
    for (uint32_t i = begin; i < end; i++) {
        values += counts[block->shapes[i]];
    }
    return values;
}

/* Sets the bit of each entry that has a value with a hit. */
static fl_status mark(fl_part_match *match, const prepared *p, source *s, const uint8_t *hits,
                      uint32_t values, uint64_t *held, fl_err *err)
{
    const fl_part_block *block = &match->block;
    uint32_t value = 0;
    FL_TRY(need_counts(match, s, err));
    for (uint32_t entry = 0; entry <= block->info->rows; entry++) {
        uint32_t count =
            values_of(block, s->counts, block->row_spans[entry], block->row_spans[entry + 1]);
        if (count > values - value) {
            FL_FAIL(err, FL_E_CORRUPT, "a block of %s lacks values", block->part->path);
        }
        bool any = count != 0 && memchr(hits + value, true, count) != NULL;
        held[entry] |= any ? p->bit : 0;
        value += count;
    }
    return FL_OK;
}

/* For each value whether it holds; *any if one does. In the block's arena. */
static fl_status find_hits(fl_part_match *match, const prepared *p, const source *s,
                           const fl_values *values, uint8_t **hits, bool *any, fl_err *err)
{
    fl_arena *arena = &match->block.arena;
    const uint8_t *coded = s->coded;
    uint8_t *found = fl_arena_alloc(arena, values->count);
    uint8_t *local = NULL;
    if (values->kind == FL_COLUMN_TEXT && values->texts != NULL) {
        coded = local = fl_arena_alloc(arena, values->text_count);
        for (uint32_t i = 0; local != NULL && i < values->text_count; i++) {
            local[i] = text_of_kind_holds(p->term, s->kind, fl_values_coded(values, i));
        }
    }
    if (found == NULL || (local == NULL && coded == NULL && values->kind == FL_COLUMN_TEXT)) {
        return no_memory(err);
    }
    uint8_t all = 0;
    for (uint32_t i = 0; i < values->count; i++) {
        found[i] = values->kind == FL_COLUMN_TEXT
                       ? coded[values->codes[i]]
                       : fl_term_number_holds(p->term, (double)values->ints[i]);
        all |= found[i];
    }
    *hits = found;
    *any = all != 0;
    return FL_OK;
}

/* By the first bytes of the chunk: its bounds, and whether its texts are in the dictionary. */
static fl_status chunk_may_hold(fl_part_match *match, const prepared *p, const source *s,
                                const fl_part_chunk *chunk, bool *may, fl_err *err)
{
    fl_chunk_facts facts;
    fl_str bytes;
    fl_column_kind kind = s->kind == FL_LEAF_INT ? FL_COLUMN_INT : FL_COLUMN_TEXT;
    FL_TRY(fl_part_chunk_bytes(&match->block, chunk, &bytes, err));
    FL_TRY(fl_chunk_facts_read(kind, bytes, &facts, err));
    bool beyond = p->term->op == FL_TERM_RANGE && facts.has_bounds &&
                  (facts.high < p->term->low || facts.low > p->term->high);
    *may = !beyond && (!facts.uses_dictionary || s->any_coded);
    if (*may && facts.uses_dictionary && s->dictionary != NULL && !chunk->decoded) {
        return fl_chunk_may_have_code(&match->block.arena, match->block.zstd, bytes, chunk->values,
                                      s->coded, fl_dictionary_count(s->dictionary), may, err);
    }
    return FL_OK;
}

static fl_status look_at_source(fl_part_match *match, const prepared *p, source *s, uint64_t *held,
                                fl_err *err)
{
    fl_part_block *block = &match->block;
    const fl_part_chunk *chunk = fl_part_block_chunk(block, s->column);
    const fl_values *values;
    uint8_t *hits = NULL;
    bool may = false;
    if (chunk != NULL) {
        FL_TRY(source_may_hold(match, p, s, block->number, &may, err));
    }
    if (may) {
        FL_TRY(chunk_may_hold(match, p, s, chunk, &may, err));
    }
    if (!may) {
        return FL_OK;
    }
    FL_TRY(fl_part_block_values(block, s->column, &values, err));
    FL_TRY(find_hits(match, p, s, values, &hits, &may, err));
    if (!may) {
        return FL_OK;
    }
    FL_TRY(fl_part_block_layout(block, err));
    return mark(match, p, s, hits, values->count, held, err);
}

/* Records that are not taken apart. */
static fl_status look_at_packed(fl_part_match *match, const fl_part_block *block, uint64_t *held,
                                fl_err *err)
{
    const fl_values *packed;
    uint32_t next = 0;
    FL_TRY(fl_part_block_values(&match->block, FL_COL_PACKED, &packed, err));
    for (uint32_t entry = 0; entry <= block->info->rows; entry++) {
        for (uint32_t i = block->row_spans[entry]; i < block->row_spans[entry + 1]; i++) {
            if (block->shapes[i] != FL_SHAPE_PACKED) {
                continue;
            }
            if (next == packed->count) {
                FL_FAIL(err, FL_E_CORRUPT, "a block of %s lacks records", block->part->path);
            }
            FL_TRY(fl_part_match_packed(fl_values_text(packed, next++), match->terms, match->count,
                                        &held[entry], err));
        }
    }
    return FL_OK;
}

/* ---- A block */

static fl_status look_at_columns(fl_part_match *match, uint64_t terms, uint64_t *held, fl_err *err)
{
    fl_part_block *block = &match->block;
    if ((match->by_shape & terms) != 0) {
        FL_TRY(fl_part_block_layout(block, err));
        FL_TRY(look_at_shapes(match, block, held, err));
    }
    for (size_t i = 0; i < match->count; i++) {
        prepared *p = &match->prepared[i];
        for (uint32_t k = 0; k < p->source_count && (terms & p->bit) != 0; k++) {
            FL_TRY(look_at_source(match, p, &p->sources[k], held, err));
        }
    }
    return FL_OK;
}

/* Looks at more terms of the block that `looked` is of. */
static fl_status look_at_more(fl_part_match *match, looked_at *looked, uint64_t terms, fl_err *err)
{
    fl_part_block *block = &match->block;
    FL_TRY(fl_part_block_open(block, looked->block, false, err));
    if (fl_part_block_chunk(block, FL_COL_PACKED) != NULL && looked->terms == 0) {
        FL_TRY(fl_part_block_layout(block, err));
        FL_TRY(look_at_packed(match, block, looked->held, err)); /* at all terms */
    }
    FL_TRY(look_at_columns(match, terms, looked->held, err));
    looked->terms |= terms;
    return FL_OK;
}

/* What was read is the cursor's reading. */
static void count_bytes(fl_part_match *match)
{
    match->cursor->block.read_bytes += match->block.read_bytes;
    match->block.read_bytes = 0;
}

static fl_status begin_looking(fl_part_match *match, looked_at *looked, uint32_t number,
                               fl_err *err)
{
    size_t entries = (size_t)match->cursor->part->blocks[number].rows + 1;
    if (entries > looked->capacity) {
        uint64_t *grown = realloc(looked->held, entries * sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        looked->held = grown;
        looked->capacity = entries;
    }
    memset(looked->held, 0, entries * sizeof *looked->held);
    looked->block = number;
    looked->terms = 0;
    return FL_OK;
}

/* Which of `terms` hold for each entry of a block; valid until another block is looked at. */
static fl_status look_at_block(fl_part_match *match, uint32_t number, uint64_t terms,
                               const uint64_t **held, fl_err *err)
{
    looked_at *looked = &match->looked[number % 2];
    if (looked->block != number) {
        looked->block = UINT32_MAX;
        FL_TRY(begin_looking(match, looked, number, err));
    }
    uint64_t missing = terms & ~looked->terms;
    if (missing != 0) {
        fl_status status = look_at_more(match, looked, missing, err);
        count_bytes(match);
        if (status != FL_OK) {
            looked->block = UINT32_MAX;
            return status;
        }
    }
    *held = looked->held;
    return FL_OK;
}

/* ---- Rows */

/* The block that the row begins in: mostly the one of the row before, or the next. */
static uint32_t block_of(fl_part_match *match, uint32_t row)
{
    const fl_part *part = match->cursor->part;
    const fl_part_block_info *at = &part->blocks[match->at];
    if (row < at->first_row || row - at->first_row >= at->rows) {
        bool is_next =
            match->at + 1 < part->block_count && at[1].first_row == row && at[1].rows != 0;
        match->at = is_next ? match->at + 1 : fl_part_block_of(part, row);
    }
    return match->at;
}

/* Does the last row that begins at or before a block have records in the block behind it? */
static bool goes_on(const fl_part *part, uint32_t block)
{
    return block + 1 < part->block_count && part->blocks[block + 1].leading_records != 0;
}

/* Which of `terms` hold for a row, in all of its blocks. */
static fl_status look_at_row(fl_part_match *match, uint32_t row, uint64_t terms, uint64_t *held,
                             fl_err *err)
{
    const fl_part *part = match->cursor->part;
    const uint64_t *of_block;
    uint32_t block = block_of(match, row);
    uint32_t entry = row - part->blocks[block].first_row + 1;
    FL_TRY(look_at_block(match, block, terms, &of_block, err));
    uint64_t all = of_block[entry];
    bool is_last = entry == part->blocks[block].rows;
    for (; is_last && goes_on(part, block); block++) {
        is_last = part->blocks[block + 1].rows == 0;
        FL_TRY(look_at_block(match, block + 1, terms, &of_block, err));
        all |= of_block[0];
    }
    *held = all;
    return FL_OK;
}

fl_status fl_part_match_row(fl_part_match *match, uint32_t row, uint64_t *held, fl_err *err)
{
    const fl_part *part = match->cursor->part;
    if (row >= part->info.rows) {
        FL_FAIL(err, FL_E_NOT_FOUND, "%s has no such row", part->path);
    }
    return look_at_row(match, row, UINT64_MAX, held, err);
}

/* The rows of one block that are looked for a match. */
typedef struct row_range {
    uint32_t block, first, end; /* rows that are whole in the block … */
    bool has_last;              /* … and the one at `end`, which goes on in the next */
} row_range;

static row_range range_of(fl_part_match *match, uint32_t row)
{
    const fl_part *part = match->cursor->part;
    uint32_t block = block_of(match, row);
    uint32_t end = part->blocks[block].first_row + part->blocks[block].rows;
    bool has_last = goes_on(part, block);
    return (row_range){block, row, has_last ? end - 1 : end, has_last};
}

/* Bits of the terms that may hold for the row at the range's end. */
static fl_status last_may_hold(fl_part_match *match, const row_range *range, uint64_t *may,
                               fl_err *err)
{
    const fl_part *part = match->cursor->part;
    bool is_last = true;
    for (uint32_t block = range->block; is_last && goes_on(part, block); block++) {
        uint64_t more;
        is_last = part->blocks[block + 1].rows == 0;
        FL_TRY(block_may_hold(match, block + 1, &more, err));
        *may |= more;
    }
    return FL_OK;
}

static bool groups_hold(const fl_part_match *match, size_t groups, uint64_t held)
{
    for (size_t g = 0; g < groups; g++) {
        if ((match->groups[g] & held) == 0) {
            return false;
        }
    }
    return true;
}

/* The first of the rows for which the first `groups` groups hold; UINT32_MAX if there is none. */
static fl_status first_that_holds(fl_part_match *match, const row_range *range, size_t groups,
                                  uint32_t *row, fl_err *err)
{
    uint32_t first_row = match->cursor->part->blocks[range->block].first_row;
    const uint64_t *of_block;
    uint64_t terms = 0, held;
    for (size_t g = 0; g < groups; g++) {
        terms |= match->groups[g];
    }
    *row = UINT32_MAX;
    if (range->first < range->end) {
        FL_TRY(look_at_block(match, range->block, terms, &of_block, err));
    }
    for (uint32_t i = range->first; i < range->end; i++) {
        if (groups_hold(match, groups, of_block[i - first_row + 1])) {
            *row = i;
            return FL_OK;
        }
    }
    if (range->has_last) { /* mostly what is here is enough */
        FL_TRY(look_at_block(match, range->block, terms, &of_block, err));
        if (groups_hold(match, groups, of_block[range->end - first_row + 1])) {
            *row = range->end;
            return FL_OK;
        }
        FL_TRY(look_at_row(match, range->end, terms, &held, err));
        *row = groups_hold(match, groups, held) ? range->end : UINT32_MAX;
    }
    return FL_OK;
}

/* Leaves out what filters tell that it cannot hold. */
static fl_status narrow(fl_part_match *match, row_range *range, fl_err *err)
{
    uint64_t may;
    FL_TRY(block_may_hold(match, range->block, &may, err));
    if (!groups_hold(match, match->group_count, may)) {
        range->first = range->end;
    }
    if (range->has_last) {
        FL_TRY(last_may_hold(match, range, &may, err));
        range->has_last = groups_hold(match, match->group_count, may);
    }
    return FL_OK;
}

/* Group after group, as long as there is a row left. */
static fl_status next_in_block(fl_part_match *match, uint32_t row, uint32_t *found, fl_err *err)
{
    row_range range = range_of(match, row);
    const looked_at *looked = &match->looked[range.block % 2];
    bool is_known = looked->block == range.block && (match->grouped & ~looked->terms) == 0;
    *found = UINT32_MAX;
    if (is_known) {
        return first_that_holds(match, &range, match->group_count, found, err);
    }
    FL_TRY(narrow(match, &range, err));
    if (range.first == range.end && !range.has_last) {
        return FL_OK;
    }
    *found = range.first;
    for (size_t groups = 1; groups <= match->group_count && *found != UINT32_MAX; groups++) {
        FL_TRY(first_that_holds(match, &range, groups, found, err));
        range.first = *found < range.end ? *found : range.end;
    }
    return FL_OK;
}

fl_status fl_part_match_next(fl_part_match *match, uint32_t *row, fl_err *err)
{
    const fl_part *part = match->cursor->part;
    uint32_t at = *row, found = UINT32_MAX;
    while (at < part->info.rows) {
        uint32_t block = block_of(match, at);
        at = part->blocks[block].first_row + part->blocks[block].rows;
        fl_status status = next_in_block(match, *row, &found, err);
        if (status != FL_OK) {
            *row = at;
            return status;
        }
        if (found != UINT32_MAX) {
            break;
        }
        *row = at;
    }
    *row = found != UINT32_MAX ? found : part->info.rows;
    return FL_OK;
}
