/*
 * Parts → one part. Rows come newest first from all inputs. A trace with pieces in several of them
 * is one row, at the place of all together, which may be older than that of any piece: so such
 * traces are found before the merge begins, by the hashes of all ids, and wait in order for their
 * turn.
 */
#include <stdlib.h>

#include "store/part/merge_int.h"

typedef struct merge_input {
    fl_part_source source; /* goes along the rows */
    fl_part_source pieces; /* for pieces of traces that are in several inputs */
    fl_part_row facts;     /* of `row` */
    uint32_t row;          /* the next that is not a piece; info.rows at the end */
    uint32_t block;        /* that go_on was asked about last, + 1 */
    uint32_t tried;        /* to be copied whole, + 1 */
} merge_input;

typedef struct piece {
    fl_part_row facts;
    uint32_t input, row;
} piece;

typedef struct group {
    fl_part_row whole;
    uint32_t first, count; /* pieces */
} group;

/* A row with what keep says of it. */
typedef struct judged_row {
    fl_part_row facts;
    bool stays;
} judged_row;

typedef struct merging {
    const fl_part_merge *merge;
    fl_part_writer *writer;
    merge_input *inputs;
    uint64_t *shared; /* hashes of ids that came more than once, ascending */
    uint32_t shared_count, shared_capacity;
    piece *pieces;
    uint32_t piece_count, piece_capacity;
    group *groups; /* by place */
    uint32_t group_count, group_at;
    fl_part_source *last; /* whose values may wait */
    judged_row *judged;   /* of a block that could not be copied whole, of `judged_input` */
    uint32_t judged_first, judged_count, judged_capacity;
    const merge_input *judged_input;
    uint32_t cut_blocks; /* written before they were full, to copy others whole */
    bool dropped;        /* keep left something out */
} merging;

static fl_status no_memory(fl_err *err)
{
    FL_FAIL(err, FL_E_NOMEM, "no memory to merge parts");
}

/* ---- Rows of an input */

/* Is the merge to go on? Asked for each block. */
static fl_status ask(const merging *m, merge_input *in, fl_err *err)
{
    uint32_t block = in->source.cursor->block.number + 1;
    if (block == in->block) {
        return FL_OK;
    }
    in->block = block;
    if (m->merge->go_on != NULL && !m->merge->go_on(m->merge->user)) {
        FL_FAIL(err, FL_E_SHUTDOWN, "the merge was ended");
    }
    return FL_OK;
}

static fl_status read_row(const merging *m, merge_input *in, fl_err *err)
{
    if (in->row >= in->source.cursor->part->info.rows) {
        return FL_OK;
    }
    FL_TRY(fl_part_row_at(in->source.cursor, in->row, &in->facts, err));
    return ask(m, in, err);
}

static int compare_hashes(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static bool is_shared(const merging *m, fl_trace_id id)
{
    uint64_t hash = fl_trace_id_hash(id);
    hash += hash == 0; /* as note_shared has it */
    return m->shared_count != 0 &&
           bsearch(&hash, m->shared, m->shared_count, sizeof hash, compare_hashes) != NULL;
}

/* To the next row that is no piece of a shared trace. */
static fl_status next_row(const merging *m, merge_input *in, fl_err *err)
{
    const fl_part *part = in->source.cursor->part;
    do {
        in->row++;
        if (in->row < part->info.rows &&
            fl_part_block_of(part, in->row) != in->source.cursor->block.number) {
            FL_TRY(fl_source_flush(&in->source, m->writer, err));
        }
        FL_TRY(read_row(m, in, err));
    } while (in->row < in->source.cursor->part->info.rows && is_shared(m, in->facts.id));
    return FL_OK;
}

/* ---- Traces with several pieces */

/* All hashes seen, by open addressing; 0 = free. A hash of 0 counts as 1: at worst one trace more
 * is looked at twice. */
typedef struct hash_set {
    uint64_t *slots;
    size_t mask;
} hash_set;

/* True if it was there before. */
static bool hash_set_add(hash_set *set, uint64_t hash)
{
    hash += hash == 0;
    size_t at = (size_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 20) & set->mask;
    for (; set->slots[at] != 0; at = (at + 1) & set->mask) {
        if (set->slots[at] == hash) {
            return true;
        }
    }
    set->slots[at] = hash;
    return false;
}

static fl_status note_shared(merging *m, uint64_t hash, fl_err *err)
{
    void *shared = m->shared;
    if (!fl_part_grow(&shared, &m->shared_capacity, m->shared_count, sizeof *m->shared)) {
        return no_memory(err);
    }
    m->shared = shared;
    m->shared[m->shared_count++] = hash + (hash == 0);
    return FL_OK;
}

static fl_status find_shared_in(merging *m, hash_set *set, merge_input *in, fl_err *err)
{
    for (in->row = 0; in->row < in->source.cursor->part->info.rows; in->row++) {
        FL_TRY(read_row(m, in, err));
        uint64_t hash = fl_trace_id_hash(in->facts.id);
        if (hash_set_add(set, hash)) {
            FL_TRY(note_shared(m, hash, err));
        }
    }
    return FL_OK;
}

static fl_status find_shared(merging *m, fl_err *err)
{
    uint64_t rows = 0;
    hash_set set = {.mask = 1023};
    fl_status status = FL_OK;
    for (size_t i = 0; i < m->merge->count; i++) {
        rows += m->inputs[i].source.cursor->part->info.rows;
    }
    while (set.mask / 2 < rows) {
        set.mask = set.mask * 2 + 1;
    }
    set.slots = calloc(set.mask + 1, sizeof *set.slots);
    if (set.slots == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < m->merge->count && status == FL_OK; i++) {
        status = find_shared_in(m, &set, &m->inputs[i], err);
    }
    free(set.slots);
    if (m->shared_count != 0) {
        qsort(m->shared, m->shared_count, sizeof *m->shared, compare_hashes);
    }
    return status;
}

static fl_status note_piece(merging *m, uint32_t input, fl_err *err)
{
    const merge_input *in = &m->inputs[input];
    void *pieces = m->pieces;
    if (!fl_part_grow(&pieces, &m->piece_capacity, m->piece_count, sizeof *m->pieces)) {
        return no_memory(err);
    }
    m->pieces = pieces;
    m->pieces[m->piece_count++] = (piece){.facts = in->facts, .input = input, .row = in->row};
    return FL_OK;
}

static fl_status find_pieces(merging *m, fl_err *err)
{
    for (uint32_t i = 0; i < m->merge->count; i++) {
        merge_input *in = &m->inputs[i];
        for (in->row = 0; in->row < in->source.cursor->part->info.rows; in->row++) {
            FL_TRY(read_row(m, in, err));
            if (is_shared(m, in->facts.id)) {
                FL_TRY(note_piece(m, i, err));
            }
        }
    }
    return FL_OK;
}

static int compare_pieces(const void *left, const void *right)
{
    const piece *a = left, *b = right;
    int by_id = fl_trace_id_cmp(a->facts.id, b->facts.id);
    if (by_id != 0) {
        return by_id;
    }
    if (a->facts.last_arrival != b->facts.last_arrival) {
        return a->facts.last_arrival < b->facts.last_arrival ? -1 : 1;
    }
    return a->input < b->input ? -1 : a->input > b->input;
}

static int compare_places(const fl_part_row *left, const fl_part_row *right)
{
    fl_store_place a = fl_part_place(left), b = fl_part_place(right);
    return fl_store_place_cmp(&a, &b);
}

static int compare_groups(const void *left, const void *right)
{
    return compare_places(&((const group *)left)->whole, &((const group *)right)->whole);
}

/* The pieces of one id from number `first` on, without those of an earlier life of the trace; where
 * the next id begins. */
static uint32_t make_group(merging *m, uint32_t first, group *out)
{
    const fl_part_merge *merge = m->merge;
    *out = (group){.whole = m->pieces[first].facts, .first = first};
    uint32_t i = first + 1;
    for (; i < m->piece_count && fl_trace_id_eq(m->pieces[i].facts.id, out->whole.id); i++) {
        const fl_part_row both[] = {out->whole, m->pieces[i].facts};
        bool anew =
            merge->begins_anew != NULL && merge->begins_anew(merge->user, &both[0], &both[1]);
        out->whole = anew ? both[1] : fl_part_row_join(both, 2);
        out->first = anew ? i : out->first;
        m->dropped |= anew;
    }
    out->count = i - out->first;
    return i;
}

/* Pieces, sorted, of one id each. */
static fl_status make_groups(merging *m, fl_err *err)
{
    if (m->piece_count == 0) {
        return FL_OK;
    }
    qsort(m->pieces, m->piece_count, sizeof *m->pieces, compare_pieces);
    m->groups = calloc(m->piece_count, sizeof *m->groups);
    if (m->groups == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < m->piece_count;) {
        i = make_group(m, i, &m->groups[m->group_count++]);
    }
    qsort(m->groups, m->group_count, sizeof *m->groups, compare_groups);
    return FL_OK;
}

static fl_status find_groups(merging *m, fl_err *err)
{
    if (m->merge->count > 1) {
        FL_TRY(find_shared(m, err));
    }
    if (m->shared_count != 0) {
        FL_TRY(find_pieces(m, err));
        FL_TRY(make_groups(m, err));
    }
    for (size_t i = 0; i < m->merge->count; i++) {
        merge_input *in = &m->inputs[i];
        in->row = UINT32_MAX; /* the next one is the first */
        FL_TRY(next_row(m, in, err));
    }
    return FL_OK;
}

/* ---- Rows out */

static bool keeps(merging *m, fl_part_row *row)
{
    bool keep = m->merge->keep == NULL || m->merge->keep(m->merge->user, row);
    m->dropped |= !keep;
    return keep;
}

/* The same of the next row of an input, which may have been judged with its block. */
static bool keeps_next(merging *m, merge_input *in)
{
    uint32_t at = in->row - m->judged_first;
    if (m->judged_input == in && in->row >= m->judged_first && at < m->judged_count) {
        in->facts = m->judged[at].facts;
        return m->judged[at].stays;
    }
    return keeps(m, &in->facts);
}

/* A row is to come, and its records from `source`. */
static fl_status begin_row(merging *m, fl_part_source *source, const fl_part_row *row, fl_err *err)
{
    const fl_part_writer *w = m->writer;
    if (m->last != NULL && (m->last != source || fl_block_is_full(w))) {
        FL_TRY(fl_source_flush(m->last, m->writer, err));
    }
    m->last = source;
    return fl_part_writer_row(m->writer, row, err);
}

static fl_status copy_single(merging *m, merge_input *in, fl_err *err)
{
    if (keeps_next(m, in)) {
        FL_TRY(begin_row(m, &in->source, &in->facts, err));
        FL_TRY(fl_source_copy_row(&in->source, in->row, m->writer, err));
        m->writer->records_due = 0;
    }
    return next_row(m, in, err);
}

static fl_status copy_group(merging *m, const group *g, fl_err *err)
{
    fl_part_row row = g->whole;
    if (!keeps(m, &row)) {
        return FL_OK;
    }
    FL_TRY(begin_row(m, NULL, &row, err));
    for (uint32_t i = 0; i < g->count; i++) {
        const piece *p = &m->pieces[g->first + i];
        fl_part_source *pieces = &m->inputs[p->input].pieces;
        FL_TRY(fl_source_copy_row(pieces, p->row, m->writer, err));
        FL_TRY(fl_source_flush(pieces, m->writer, err));
    }
    m->writer->records_due = 0;
    return FL_OK;
}

/* The input with the newest row; NULL at the end. */
static merge_input *newest(const merging *m)
{
    merge_input *found = NULL;
    fl_store_place best = {0};
    for (size_t i = 0; i < m->merge->count; i++) {
        merge_input *in = &m->inputs[i];
        fl_store_place place = fl_part_place(&in->facts);
        bool has_row = in->row < in->source.cursor->part->info.rows;
        if (has_row && (found == NULL || fl_store_place_cmp(&place, &best) < 0)) {
            found = in;
            best = place;
        }
    }
    return found;
}

/* ---- Whole blocks */

#define CUT_SHARE 8 /* of so many blocks, one may be cut short */

/* Do its rows begin and end in the block of the next row, and is that the first of them? */
static bool is_whole(const merge_input *in)
{
    const fl_part *part = in->source.cursor->part;
    uint32_t number = in->source.cursor->block.number;
    const fl_part_block_info *block = &part->blocks[number];
    return in->row == block->first_row && block->leading_records == 0 &&
           (number + 1 == part->block_count || block[1].leading_records == 0);
}

/* Small blocks are not kept, nor are too many made. */
static bool is_worth_it(const merging *m, const fl_part_block_info *block)
{
    const fl_part_writer *w = m->writer;
    bool cuts = w->block.spans != 0 && w->block.spans < w->block_rows / 2;
    return block->spans >= w->block_rows / 2 &&
           (!cuts || m->cut_blocks * CUT_SHARE <= w->block_count);
}

/* Is `last` of an input's block newer than all that comes from elsewhere? */
static bool is_before_others(const merging *m, const merge_input *in, const fl_part_row *last)
{
    if (m->group_at < m->group_count && compare_places(&m->groups[m->group_at].whole, last) < 0) {
        return false;
    }
    for (size_t i = 0; i < m->merge->count; i++) {
        const merge_input *other = &m->inputs[i];
        bool has_row = other->row < other->source.cursor->part->info.rows;
        if (other != in && has_row && compare_places(&other->facts, last) < 0) {
            return false;
        }
    }
    return true;
}

/* The facts of the block's rows; *fits is false if one belongs between others, or has pieces
 * elsewhere. */
static fl_status list_rows(merging *m, merge_input *in, bool *fits, fl_err *err)
{
    const fl_part_block_info *block = in->source.cursor->block.info;
    m->judged_input = NULL;
    m->judged_first = in->row;
    m->judged_count = 0;
    while (m->judged_count < block->rows) {
        void *judged = m->judged;
        if (!fl_part_grow(&judged, &m->judged_capacity, m->judged_count, sizeof *m->judged)) {
            return no_memory(err);
        }
        m->judged = judged;
        fl_part_row *facts = &m->judged[m->judged_count].facts;
        FL_TRY(fl_part_row_at(in->source.cursor, in->row + m->judged_count++, facts, err));
        *fits &= !is_shared(m, facts->id);
    }
    *fits = *fits && is_before_others(m, in, &m->judged[m->judged_count - 1].facts);
    return FL_OK;
}

/* Asks about all rows; does the block stay as it is? */
static bool judge_rows(merging *m, const merge_input *in)
{
    bool same = true;
    m->judged_input = in;
    for (uint32_t i = 0; i < m->judged_count; i++) {
        judged_row *row = &m->judged[i];
        bool continued = row->facts.continues;
        row->stays = keeps(m, &row->facts);
        same &= row->stays && row->facts.continues == continued;
    }
    return same;
}

static fl_status note_rows(merging *m, merge_input *in, fl_err *err)
{
    for (uint32_t i = 0; i < m->judged_count; i++) {
        FL_TRY(fl_part_note_row(m->writer, &m->judged[i].facts, err));
    }
    in->row += m->judged_count - 1;
    return next_row(m, in, err);
}

/* The block of the next row, if that is possible and was not tried before. */
static fl_status copy_block(merging *m, merge_input *in, bool *done, fl_err *err)
{
    const fl_part_writer *w = m->writer;
    const fl_part_block *block = &in->source.cursor->block;
    bool fits = true;
    *done = false;
    if (in->tried == block->number + 1 || !is_whole(in) || !is_worth_it(m, block->info)) {
        return FL_OK;
    }
    in->tried = block->number + 1;
    FL_TRY(list_rows(m, in, &fits, err));
    if (!fits || !judge_rows(m, in)) {
        return FL_OK;
    }
    if (m->last != NULL) {
        FL_TRY(fl_source_flush(m->last, m->writer, err));
        m->last = NULL;
    }
    uint32_t blocks = w->block_count;
    bool cuts = w->block.spans < w->block_rows / 2;
    FL_TRY(fl_source_copy_block(&in->source, m->writer, done, err));
    m->cut_blocks += cuts && w->block_count == blocks + 2;
    return *done ? note_rows(m, in, err) : FL_OK;
}

/* ---- All rows */

static fl_status copy_rows(merging *m, fl_err *err)
{
    for (;;) {
        merge_input *in = newest(m);
        const group *g = m->group_at < m->group_count ? &m->groups[m->group_at] : NULL;
        if (in == NULL && g == NULL) {
            return m->last != NULL ? fl_source_flush(m->last, m->writer, err) : FL_OK;
        }
        if (in == NULL || (g != NULL && compare_places(&g->whole, &in->facts) < 0)) {
            FL_TRY(copy_group(m, g, err));
            m->group_at++;
        } else {
            bool done;
            FL_TRY(copy_block(m, in, &done, err));
            if (!done) {
                FL_TRY(copy_single(m, in, err));
            }
        }
    }
}

/* ---- The merge */

static fl_status begin(merging *m, fl_fs *fs, const char *path, const fl_part_options *options,
                       fl_err *err)
{
    m->inputs = calloc(m->merge->count, sizeof *m->inputs);
    if (m->inputs == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < m->merge->count; i++) {
        FL_TRY(fl_source_init(&m->inputs[i].source, m->merge->inputs[i], err));
        FL_TRY(fl_source_init(&m->inputs[i].pieces, m->merge->inputs[i], err));
    }
    return fl_part_writer_new(fs, path, options, &m->writer, err);
}

static void end(merging *m)
{
    for (size_t i = 0; m->inputs != NULL && i < m->merge->count; i++) {
        fl_source_fini(&m->inputs[i].source);
        fl_source_fini(&m->inputs[i].pieces);
    }
    fl_part_writer_free(m->writer);
    free(m->inputs);
    free(m->shared);
    free(m->pieces);
    free(m->groups);
    free(m->judged);
}

/* Packed bytes of what was kept: of all, or in proportion to its spans, as they are not counted by
 * rows. */
static void note_packed_bytes(const merging *m)
{
    uint64_t packed = 0, spans = 0;
    for (size_t i = 0; i < m->merge->count; i++) {
        packed += m->merge->inputs[i]->info.packed_bytes;
        spans += m->merge->inputs[i]->info.spans;
    }
    double share = spans != 0 ? (double)m->writer->info.spans / (double)spans : 0;
    m->writer->info.packed_bytes = m->dropped ? (uint64_t)((double)packed * share) : packed;
}

static fl_status run(merging *m, fl_fs *fs, const char *path, const fl_part_options *options,
                     fl_part_info *info, fl_err *err)
{
    FL_TRY(begin(m, fs, path, options, err));
    FL_TRY(find_groups(m, err));
    FL_TRY(copy_rows(m, err));
    if (m->writer->info.rows == 0) {
        fl_part_writer_free(m->writer);
        m->writer = NULL;
        *info = (fl_part_info){0};
        return fs->remove(fs, path, err);
    }
    note_packed_bytes(m);
    return fl_part_writer_finish(m->writer, info, err);
}

fl_status fl_part_merge_to(const fl_part_merge *merge, fl_fs *fs, const char *path,
                           const fl_part_options *options, fl_part_info *info, fl_err *err)
{
    merging m = {.merge = merge};
    fl_status status = run(&m, fs, path, options, info, err);
    end(&m);
    return status;
}

fl_part_row fl_part_row_join(const fl_part_row *pieces, size_t count)
{
    fl_part_row row = pieces[0];
    for (size_t i = 1; i < count; i++) {
        const fl_part_row *p = &pieces[i];
        row.start_ns = p->start_ns < row.start_ns ? p->start_ns : row.start_ns;
        row.last_end_ns = p->last_end_ns > row.last_end_ns ? p->last_end_ns : row.last_end_ns;
        row.first_arrival_ns =
            p->first_arrival_ns < row.first_arrival_ns ? p->first_arrival_ns : row.first_arrival_ns;
        row.last_arrival_ns =
            p->last_arrival_ns > row.last_arrival_ns ? p->last_arrival_ns : row.last_arrival_ns;
        row.last_arrival = p->last_arrival > row.last_arrival ? p->last_arrival : row.last_arrival;
        row.json_bytes += p->json_bytes;
        row.record_count += p->record_count;
        row.revision += p->revision;
        row.limit_exceeded |= p->limit_exceeded;
        row.continues |= p->continues;
    }
    row.time_ns = fl_trace_time_ns(row.id, row.start_ns);
    return row;
}
