/*
 * An open part: what is in memory from the beginning (index of blocks, of ids, their filter), and
 * what is loaded at first use and may go again (schema, dictionaries, filters of columns).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <xxhash.h>

#include "store/part/section_int.h"

#define PART_BYTES_MAX   ((size_t)1 << 30)
#define LATE_BYTES_MAX   ((size_t)1 << 30)
#define IDLE_CURSORS     2                 /* kept with the blocks that they read … */
#define IDLE_BYTES_MAX   ((size_t)2 << 20) /* … if those are not larger */
#define CURSOR_BYTES_MAX ((size_t)256 << 20)

/* The membership filters of a column. */
typedef struct column_filter {
    bool loaded, damaged;
    fl_str bytes;
    uint32_t *begins; /* of each block's, in bytes; and the end */
} column_filter;

struct fl_part_late {
    pthread_mutex_t lock; /* of all that follows, and of the part's cursors */
    fl_arena arena;       /* of filters */
    fl_zstd *zstd;
    fl_schema schema;
    bool has_schema;
    uint32_t columns;
    fl_dictionary **dictionaries; /* by column */
    column_filter *filters;       /* by column */
};

/* ---- Reading */

fl_status fl_part_read(const fl_part *part, uint64_t offset, size_t n, fl_arena *arena,
                       unsigned char **out, fl_err *err)
{
    size_t got;
    if (offset > part->file_bytes || n > part->file_bytes - offset) {
        FL_FAIL(err, FL_E_CORRUPT, "%s: %zu bytes at %" PRIu64 " lie outside", part->path, n,
                offset);
    }
    unsigned char *bytes = fl_arena_alloc(arena, n);
    if (bytes == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to read %zu bytes of %s", n, part->path);
    }
    FL_TRY(part->fs->read_at(part->fs, part->file, bytes, n, offset, &got, err));
    if (got < n) {
        FL_FAIL(err, FL_E_CORRUPT, "%s was cut", part->path);
    }
    *out = bytes;
    return FL_OK;
}

fl_status fl_part_section(const fl_part *part, const fl_section *section, fl_arena *arena,
                          fl_str *out, fl_err *err)
{
    unsigned char *bytes;
    FL_TRY(fl_part_read(part, section->offset, section->bytes, arena, &bytes, err));
    if (!fl_part_hash_holds(part, section->hash, XXH3_64bits(bytes, section->bytes))) {
        FL_FAIL(err, FL_E_CORRUPT, "section %u of %s at %" PRIu64 " is damaged",
                (unsigned)section->kind, part->path, section->offset);
    }
    *out = (fl_str){(const char *)bytes, section->bytes};
    return FL_OK;
}

const fl_section *fl_part_section_find(const fl_part *part, fl_section_kind kind, uint32_t column)
{
    for (uint32_t i = 0; i < part->section_count; i++) {
        if (part->sections[i].kind == kind && part->sections[i].column == column) {
            return &part->sections[i];
        }
    }
    return NULL;
}

/* A section that every part has. */
static fl_status read_section(const fl_part *part, fl_section_kind kind, fl_arena *arena,
                              fl_str *out, fl_err *err)
{
    const fl_section *section = fl_part_section_find(part, kind, 0);
    if (section == NULL) {
        FL_FAIL(err, FL_E_CORRUPT, "%s lacks section %u", part->path, (unsigned)kind);
    }
    return fl_part_section(part, section, arena, out, err);
}

/* ---- Open and close */

static fl_status read_directory(fl_part *part, fl_err *err)
{
    unsigned char *bytes;
    fl_part_tail tail;
    FL_AUTO(fl_arena) scratch;
    fl_arena_init(&scratch, PART_BYTES_MAX);
    FL_TRY(part->fs->size(part->fs, part->file, &part->file_bytes, err));
    if (part->file_bytes < FL_PART_HEADER_BYTES + FL_PART_TAIL_BYTES) {
        FL_FAIL(err, FL_E_CORRUPT, "%s is no part file, or was cut", part->path);
    }
    FL_TRY(fl_part_read(part, part->file_bytes - FL_PART_TAIL_BYTES, FL_PART_TAIL_BYTES, &scratch,
                        &bytes, err));
    FL_TRY(fl_tail_read(part, bytes, &tail, err));
    if (tail.file_bytes != part->file_bytes) {
        FL_FAIL(err, FL_E_CORRUPT, "%s is not as long as it was", part->path);
    }
    FL_TRY(fl_part_read(part, tail.offset, tail.bytes, &scratch, &bytes, err));
    FL_TRY(fl_directory_read(part, &tail, (fl_str){(const char *)bytes, tail.bytes}, err));
    part->info.file_bytes = part->file_bytes;
    return FL_OK;
}

static fl_status read_buckets(fl_part *part, fl_err *err)
{
    fl_str bytes;
    FL_TRY(read_section(part, FL_SECTION_BUCKETS, &part->arena, &bytes, err));
    part->ids = fl_part_section_find(part, FL_SECTION_IDS, 0);
    part->bucket_bits = fl_ids_bucket_bits(part->info.rows);
    part->buckets = (const uint32_t *)(const void *)bytes.p; /* the arena aligns */
    if (part->ids == NULL || bytes.n != (((size_t)1 << part->bucket_bits) + 1) * sizeof(uint32_t) ||
        !fl_ids_are_whole(part)) {
        FL_FAIL(err, FL_E_CORRUPT, "the index of trace ids of %s is damaged", part->path);
    }
    return FL_OK;
}

static fl_status read_footer(fl_part *part, fl_err *err)
{
    fl_str bytes;
    FL_AUTO(fl_arena) scratch;
    fl_arena_init(&scratch, PART_BYTES_MAX);
    FL_TRY(read_directory(part, err));
    FL_TRY(read_section(part, FL_SECTION_BLOCKS, &scratch, &bytes, err));
    FL_TRY(fl_blocks_read(part, bytes, err));
    FL_TRY(read_section(part, FL_SECTION_CONTINUED, &scratch, &bytes, err));
    FL_TRY(fl_continued_read(part, bytes, err));
    FL_TRY(read_buckets(part, err));
    return read_section(part, FL_SECTION_ID_FILTER, &part->arena, &part->id_filter, err);
}

static fl_status open_part(fl_part *part, const char *path, fl_err *err)
{
    part->path = strdup(path);
    part->late = calloc(1, sizeof *part->late);
    if (part->path == NULL || part->late == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to open %s", path);
    }
    pthread_mutex_init(&part->late->lock, NULL);
    fl_arena_init(&part->late->arena, LATE_BYTES_MAX);
    FL_TRY(part->fs->open(part->fs, path, FL_OPEN_READ, &part->file, err));
    part->is_open = true;
    return read_footer(part, err);
}

static fl_status open_with(fl_fs *fs, const char *path, bool unchecked, fl_part **out, fl_err *err)
{
    fl_part *part = calloc(1, sizeof *part);
    if (part == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory to open %s", path);
    }
    part->fs = fs;
    part->unchecked = unchecked;
    fl_arena_init(&part->arena, PART_BYTES_MAX);
    fl_status status = open_part(part, path, err);
    if (status != FL_OK) {
        fl_part_close(part);
        return status;
    }
    *out = part;
    return FL_OK;
}

fl_status fl_part_open(fl_fs *fs, const char *path, fl_part **out, fl_err *err)
{
    return open_with(fs, path, false, out, err);
}

fl_status fl_part_open_unchecked(fl_fs *fs, const char *path, fl_part **out, fl_err *err)
{
    return open_with(fs, path, true, out, err);
}

/* Gives back all but the lock; what is used again loads again. */
static void late_reset(fl_part_late *late)
{
    for (uint32_t i = 0; i < late->columns; i++) {
        fl_dictionary_free(late->dictionaries[i]);
    }
    free(late->dictionaries);
    free(late->filters);
    fl_schema_fini(&late->schema);
    fl_zstd_free(late->zstd);
    fl_arena_fini(&late->arena);
    late->dictionaries = NULL;
    late->filters = NULL;
    late->columns = 0;
    late->has_schema = false;
    late->zstd = NULL;
}

static void free_cursor(fl_part_cursor *cursor)
{
    fl_part_block_fini(&cursor->block);
    fl_arena_fini(&cursor->arena);
    fl_buf_fini(&cursor->joined);
    fl_shredder_fini(&cursor->shredder);
    free(cursor);
}

static void free_idle(fl_part *part)
{
    while (part->idle != NULL) {
        fl_part_cursor *cursor = part->idle;
        part->idle = cursor->next_idle;
        free_cursor(cursor);
    }
    part->idle_count = 0;
}

void fl_part_close(fl_part *part)
{
    if (part == NULL) {
        return;
    }
    if (part->is_open) {
        part->fs->close(part->fs, part->file);
    }
    free_idle(part);
    if (part->late != NULL) {
        late_reset(part->late);
        pthread_mutex_destroy(&part->late->lock);
        free(part->late);
    }
    fl_arena_fini(&part->arena);
    free(part->path);
    free(part);
}

const fl_part_info *fl_part_info_of(const fl_part *part)
{
    return &part->info;
}

const fl_part_continued_row *fl_part_continued(const fl_part *part, size_t *count)
{
    *count = part->continued_count;
    return part->continued;
}

const char *fl_part_path(const fl_part *part)
{
    return part->path;
}

uint32_t fl_part_block_of(const fl_part *part, uint32_t row)
{
    uint32_t low = 0, high = part->block_count;
    while (high - low > 1) { /* the last block that begins at or before the row … */
        uint32_t middle = low + (high - low) / 2;
        if (part->blocks[middle].first_row <= row) {
            low = middle;
        } else {
            high = middle;
        }
    }
    while (part->blocks[low].rows == 0) { /* … and has rows */
        low--;
    }
    return low;
}

uint32_t fl_part_next_block(const fl_part *part, uint32_t row)
{
    const fl_part_block_info *block = &part->blocks[fl_part_block_of(part, row)];
    return block->first_row + block->rows;
}

/* ---- What loads late; under the lock */

static fl_status load_schema(fl_part *part, fl_err *err)
{
    fl_part_late *late = part->late;
    fl_str bytes;
    FL_AUTO(fl_arena) scratch;
    fl_arena_init(&scratch, PART_BYTES_MAX);
    FL_TRY(read_section(part, FL_SECTION_SCHEMA, &scratch, &bytes, err));
    FL_TRY(fl_schema_read(&late->schema, bytes, err));
    uint32_t columns = fl_schema_columns(&late->schema);
    late->dictionaries = calloc(columns, sizeof *late->dictionaries);
    late->filters = calloc(columns, sizeof *late->filters);
    if (late->dictionaries == NULL || late->filters == NULL) {
        late_reset(late);
        FL_FAIL(err, FL_E_NOMEM, "no memory for the schema of %s", part->path);
    }
    late->columns = columns;
    late->has_schema = true;
    return FL_OK;
}

static fl_status need_schema(fl_part *part, fl_err *err)
{
    return part->late->has_schema ? FL_OK : load_schema(part, err);
}

static fl_status need_column(fl_part *part, uint32_t column, fl_err *err)
{
    FL_TRY(need_schema(part, err));
    if (column >= part->late->columns) {
        FL_FAIL(err, FL_E_CORRUPT, "%s has no column %" PRIu32, part->path, column);
    }
    return FL_OK;
}

fl_status fl_part_schema(fl_part *part, const fl_schema **out, fl_err *err)
{
    pthread_mutex_lock(&part->late->lock);
    fl_status status = need_schema(part, err);
    pthread_mutex_unlock(&part->late->lock);
    if (status == FL_OK) {
        *out = &part->late->schema;
    }
    return status;
}

fl_status fl_part_column_kind(fl_part *part, uint32_t column, fl_column_kind *out, fl_err *err)
{
    if (column < FL_COL_FIXED_COUNT) {
        *out = fl_schema_column_kind(NULL, column);
        return FL_OK;
    }
    pthread_mutex_lock(&part->late->lock);
    fl_status status = need_column(part, column, err);
    pthread_mutex_unlock(&part->late->lock);
    if (status == FL_OK) {
        *out = fl_schema_column_kind(&part->late->schema, column);
    }
    return status;
}

static fl_status load_dictionary(fl_part *part, uint32_t column, fl_err *err)
{
    fl_part_late *late = part->late;
    const fl_section *section = fl_part_section_find(part, FL_SECTION_DICTIONARY, column);
    fl_str bytes;
    FL_AUTO(fl_arena) scratch;
    fl_arena_init(&scratch, PART_BYTES_MAX);
    if (section == NULL) {
        return FL_OK;
    }
    if (late->zstd == NULL && (late->zstd = fl_zstd_new()) == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for a dictionary of %s", part->path);
    }
    FL_TRY(fl_part_section(part, section, &scratch, &bytes, err));
    return fl_dictionary_read(late->zstd, bytes, &late->dictionaries[column], err);
}

fl_status fl_part_dictionary(fl_part *part, uint32_t column, const fl_dictionary **out, fl_err *err)
{
    pthread_mutex_lock(&part->late->lock);
    fl_status status = need_column(part, column, err);
    if (status == FL_OK && part->late->dictionaries[column] == NULL) {
        status = load_dictionary(part, column, err);
    }
    if (status == FL_OK) {
        *out = part->late->dictionaries[column];
    }
    pthread_mutex_unlock(&part->late->lock);
    return status;
}

/* Block numbers and lengths, then the filters. */
static bool read_filters(fl_cur *cur, uint32_t blocks, column_filter *filter)
{
    uint64_t count = fl_cur_varint(cur);
    uint64_t block = 0, at = 0;
    uint32_t filled = 0;
    for (uint64_t i = 0; i < count; i++) {
        block += fl_cur_varint(cur);
        uint64_t bytes = fl_cur_varint(cur);
        if (cur->failed || block >= blocks || (i != 0 && block < filled) || bytes > UINT32_MAX) {
            return false;
        }
        while (filled <= block) {
            filter->begins[filled++] = (uint32_t)at;
        }
        at += bytes;
    }
    while (filled <= blocks) {
        filter->begins[filled++] = (uint32_t)at;
    }
    filter->bytes = fl_cur_take(cur, fl_cur_left(cur));
    return !cur->failed && filter->bytes.n == at;
}

static fl_status damaged_filter(const fl_part *part, uint32_t column, fl_err *err)
{
    FL_FAIL(err, FL_E_CORRUPT, "the filters of column %" PRIu32 " of %s are damaged", column,
            part->path);
}

static fl_status load_filter(fl_part *part, uint32_t column, fl_err *err)
{
    fl_part_late *late = part->late;
    column_filter *filter = &late->filters[column];
    const fl_section *section = fl_part_section_find(part, FL_SECTION_FILTERS, column);
    fl_str bytes;
    if (section == NULL) {
        return FL_OK;
    }
    FL_TRY(fl_part_section(part, section, &late->arena, &bytes, err));
    fl_cur cur = fl_cur_of(bytes.p, bytes.n);
    filter->begins = FL_ARENA_ARRAY(&late->arena, uint32_t, (size_t)part->block_count + 1);
    if (filter->begins == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for filters of %s", part->path);
    }
    if (!read_filters(&cur, part->block_count, filter)) {
        filter->begins = NULL;
        return damaged_filter(part, column, err);
    }
    return FL_OK;
}

/* Damaged ones are read once. */
static fl_status need_filter(fl_part *part, uint32_t column, fl_err *err)
{
    column_filter *filter = &part->late->filters[column];
    if (filter->damaged) {
        return damaged_filter(part, column, err);
    }
    fl_status status = filter->loaded ? FL_OK : load_filter(part, column, err);
    filter->loaded = status == FL_OK;
    filter->damaged = status == FL_E_CORRUPT;
    return status;
}

fl_status fl_part_filter(fl_part *part, uint32_t column, uint32_t block, fl_str *out, fl_err *err)
{
    pthread_mutex_lock(&part->late->lock);
    fl_status status = need_column(part, column, err);
    if (status == FL_OK) {
        status = need_filter(part, column, err);
    }
    pthread_mutex_unlock(&part->late->lock);
    FL_TRY(status);
    const column_filter *filter = &part->late->filters[column];
    *out = FL_S("");
    if (filter->begins != NULL) {
        uint32_t begin = filter->begins[block];
        *out = (fl_str){filter->bytes.p + begin, filter->begins[block + 1] - begin};
    }
    return FL_OK;
}

/* ---- Memory */

size_t fl_part_memory(const fl_part *part)
{
    pthread_mutex_lock(&part->late->lock);
    const fl_part_late *late = part->late;
    size_t bytes = sizeof *part + sizeof *late + part->arena.used_bytes + late->arena.used_bytes +
                   late->schema.arena.used_bytes;
    for (uint32_t i = 0; i < late->columns; i++) {
        if (late->dictionaries[i] != NULL) {
            bytes += fl_dictionary_memory(late->dictionaries[i]);
        }
    }
    for (const fl_part_cursor *c = part->idle; c != NULL; c = c->next_idle) {
        bytes += sizeof *c + c->block.arena.used_bytes + c->arena.used_bytes + c->joined.capacity;
    }
    pthread_mutex_unlock(&part->late->lock);
    return bytes;
}

void fl_part_trim(fl_part *part)
{
    pthread_mutex_lock(&part->late->lock);
    if (part->cursors == 0) {
        free_idle(part);
        late_reset(part->late);
    }
    pthread_mutex_unlock(&part->late->lock);
}

/* ---- Cursors: a few are kept, as a get of one trace makes one for each part */

static fl_part_cursor *take_idle(fl_part *part)
{
    pthread_mutex_lock(&part->late->lock);
    part->cursors++;
    fl_part_cursor *cursor = part->idle;
    if (cursor != NULL) {
        part->idle = cursor->next_idle;
        part->idle_count--;
    }
    pthread_mutex_unlock(&part->late->lock);
    return cursor;
}

fl_status fl_part_cursor_new(fl_part *part, fl_part_cursor **out, fl_err *err)
{
    fl_part_cursor *cursor = take_idle(part);
    if (cursor == NULL) {
        cursor = calloc(1, sizeof *cursor);
        if (cursor == NULL) {
            pthread_mutex_lock(&part->late->lock);
            part->cursors--;
            pthread_mutex_unlock(&part->late->lock);
            FL_FAIL(err, FL_E_NOMEM, "no memory for a cursor of %s", part->path);
        }
        cursor->part = part;
        fl_part_block_init(&cursor->block, part);
        fl_arena_init(&cursor->arena, CURSOR_BYTES_MAX);
        fl_buf_init(&cursor->joined, CURSOR_BYTES_MAX);
    }
    cursor->block.read_bytes = 0;
    *out = cursor;
    return FL_OK;
}

uint64_t fl_part_cursor_read_bytes(const fl_part_cursor *cursor)
{
    return cursor->block.read_bytes;
}

void fl_part_cursor_free(fl_part_cursor *cursor)
{
    if (cursor == NULL) {
        return;
    }
    fl_part *part = cursor->part;
    fl_arena_reset(&cursor->arena);
    if (cursor->block.arena.used_bytes > IDLE_BYTES_MAX) {
        fl_part_block_fini(&cursor->block);
    }
    pthread_mutex_lock(&part->late->lock);
    part->cursors--;
    bool keep = part->idle_count < IDLE_CURSORS;
    if (keep) {
        cursor->next_idle = part->idle;
        part->idle = cursor;
        part->idle_count++;
    }
    pthread_mutex_unlock(&part->late->lock);
    if (!keep) {
        free_cursor(cursor);
    }
}
