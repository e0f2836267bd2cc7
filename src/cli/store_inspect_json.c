/* `fluoro store inspect --json`, and the sum of several parts. */
#include <stdlib.h>

#include "cli/store_inspect_int.h"
#include "codec/codec.h"

/* ---- Several parts as one */

static int compare_columns(const void *a, const void *b)
{
    const fl_data_column *left = a, *right = b;
    int order = fl_str_cmp(left->path, right->path);
    return order != 0 ? order : strcmp(left->kind, right->kind);
}

static int compare_sizes(const void *a, const void *b)
{
    const fl_data_column *left = a, *right = b;
    uint64_t left_bytes = left->stored_bytes + left->filter_bytes;
    uint64_t right_bytes = right->stored_bytes + right->filter_bytes;
    if (left_bytes != right_bytes) {
        return left_bytes > right_bytes ? -1 : 1;
    }
    return compare_columns(a, b);
}

/* Columns of one path and kind become one; the number of columns that are left. */
static size_t join_columns(fl_data_column *columns, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || compare_columns(&columns[kept - 1], &columns[i]) != 0) {
            columns[kept++] = columns[i];
            continue;
        }
        fl_data_column *sum = &columns[kept - 1];
        sum->values += columns[i].values;
        sum->raw_bytes += columns[i].raw_bytes;
        sum->stored_bytes += columns[i].stored_bytes;
        sum->dictionary += columns[i].dictionary;
        sum->filter_bytes += columns[i].filter_bytes;
    }
    return kept;
}

static void add_facts(fl_data_part_facts *sum, const fl_data_part_facts *part)
{
    bool first = sum->spans == 0;
    sum->oldest_ns = first || part->oldest_ns < sum->oldest_ns ? part->oldest_ns : sum->oldest_ns;
    sum->newest_ns = first || part->newest_ns > sum->newest_ns ? part->newest_ns : sum->newest_ns;
    sum->traces += part->traces;
    sum->segments += part->segments;
    sum->spans += part->spans;
    sum->file_bytes += part->file_bytes;
    sum->packed_bytes += part->packed_bytes;
    sum->blocks += part->blocks;
    sum->shapes += part->shapes;
    sum->paths += part->paths;
    sum->block_bytes += part->block_bytes;
    sum->schema_bytes += part->schema_bytes;
    sum->dictionary_bytes += part->dictionary_bytes;
    sum->filter_bytes += part->filter_bytes;
    sum->index_bytes += part->index_bytes;
    sum->footer_bytes += part->footer_bytes;
}

fl_status fl_inspection_sum(fl_arena *arena, const fl_inspection *found, fl_data_part_facts *out,
                            fl_err *err)
{
    fl_data_part_facts sum = {0};
    size_t room = 0;
    for (size_t i = 0; i < found->part_count; i++) {
        room += found->parts[i].facts.column_count;
    }
    sum.columns = FL_ARENA_ARRAY(arena, fl_data_column, room);
    if (sum.columns == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %zu columns", room);
    }
    for (size_t i = 0; i < found->part_count; i++) {
        const fl_part_view *view = &found->parts[i];
        if (!fl_part_view_counts(view)) {
            continue;
        }
        add_facts(&sum, &view->facts);
        for (size_t k = 0; k < view->facts.column_count; k++) {
            sum.columns[sum.column_count++] = view->facts.columns[k];
        }
    }
    if (sum.column_count > 1) {
        qsort(sum.columns, sum.column_count, sizeof *sum.columns, compare_columns);
        sum.column_count = join_columns(sum.columns, sum.column_count);
        qsort(sum.columns, sum.column_count, sizeof *sum.columns, compare_sizes);
    }
    *out = sum;
    return FL_OK;
}

/* ---- JSON */

typedef struct number {
    const char *name;
    uint64_t value;
} number;

static void write_numbers(fl_jw *w, const number *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fl_jw_key(w, fl_str_of(numbers[i].name));
        fl_jw_u64(w, numbers[i].value);
    }
}
#define WRITE_NUMBERS(w, ...)                                                                      \
    write_numbers((w), (const number[]){__VA_ARGS__},                                              \
                  sizeof((const number[]){__VA_ARGS__}) / sizeof(number))

static void write_columns(fl_jw *w, const fl_data_part_facts *facts)
{
    fl_jw_key(w, FL_S("Columns"));
    fl_jw_open(w, '[');
    for (size_t i = 0; i < facts->column_count; i++) {
        const fl_data_column *column = &facts->columns[i];
        fl_jw_open(w, '{');
        fl_jw_key_str(w, FL_S("Path"), column->path);
        fl_jw_key_str(w, FL_S("Kind"), fl_str_of(column->kind));
        WRITE_NUMBERS(w, {"Values", column->values}, {"RawBytes", column->raw_bytes},
                      {"StoredBytes", column->stored_bytes}, {"Dictionary", column->dictionary},
                      {"FilterBytes", column->filter_bytes});
        fl_jw_close(w, '}');
    }
    fl_jw_close(w, ']');
}

static void write_facts(fl_jw *w, const fl_data_part_facts *facts)
{
    WRITE_NUMBERS(
        w, {"Traces", facts->traces}, {"Segments", facts->segments}, {"Spans", facts->spans},
        {"FileBytes", facts->file_bytes}, {"PackedBytes", facts->packed_bytes},
        {"Blocks", facts->blocks}, {"Shapes", facts->shapes}, {"Paths", facts->paths},
        {"BlockBytes", facts->block_bytes}, {"SchemaBytes", facts->schema_bytes},
        {"DictionaryBytes", facts->dictionary_bytes}, {"FilterBytes", facts->filter_bytes},
        {"IndexBytes", facts->index_bytes}, {"FooterBytes", facts->footer_bytes});
    fl_jw_key_seconds(w, FL_S("OldestTime"), facts->oldest_ns);
    fl_jw_key_seconds(w, FL_S("NewestTime"), facts->newest_ns);
}

static void write_part(fl_jw *w, const fl_inspection *found, const fl_part_view *view)
{
    fl_buf text;
    fl_buf_init(&text, 256);
    fl_part_text(view->part, &text);
    fl_jw_open(w, '{');
    fl_jw_key_str(w, FL_S("Part"), fl_buf_str(&text));
    fl_jw_key_str(w, FL_S("File"), view->part->name);
    fl_buf_fini(&text);
    fl_jw_key_seconds(w, FL_S("Day"), view->part->day_ns);
    WRITE_NUMBERS(w, {"Level", view->part->level});
    fl_jw_key_bool(w, FL_S("Replaced"), view->part->replaced);
    if (view->damage != NULL) {
        fl_jw_key_str(w, FL_S("Damage"), fl_str_of(view->damage));
    } else {
        write_facts(w, &view->facts);
        if (found->with_columns) {
            write_columns(w, &view->facts);
        }
    }
    fl_jw_close(w, '}');
}

static void write_log(fl_jw *w, const fl_log_view *view)
{
    const fl_data_log_facts *facts = &view->facts;
    fl_jw_open(w, '{');
    fl_jw_key_str(w, FL_S("File"), view->log->name);
    WRITE_NUMBERS(w, {"Bytes", facts->bytes}, {"Frames", facts->frames},
                  {"Records", facts->records}, {"Segments", facts->segments},
                  {"MendableFrames", facts->mended}, {"DamagedBytes", facts->damaged_bytes},
                  {"UnfinishedBytes", facts->unfinished_bytes});
    if (facts->records > 0) {
        fl_jw_key_seconds(w, FL_S("FirstArrival"), facts->first_arrival_ns);
        fl_jw_key_seconds(w, FL_S("LastArrival"), facts->last_arrival_ns);
    }
    fl_jw_close(w, '}');
}

static void write_store(fl_jw *w, const fl_store_view *store)
{
    fl_buf id;
    if (store->failure != NULL) {
        fl_jw_key_str(w, FL_S("Failure"), fl_str_of(store->failure));
        return;
    }
    WRITE_NUMBERS(w, {"Traces", store->traces}, {"Segments", store->segments},
                  {"WaitingTraces", store->waiting_traces},
                  {"WaitingSegments", store->waiting_segments},
                  {"WaitingBytes", store->waiting_bytes});
    fl_jw_key(w, FL_S("Pins"));
    fl_jw_open(w, '[');
    fl_buf_init(&id, FL_TRACE_ID_TEXT_MAX + 1);
    for (size_t i = 0; i < store->pin_count; i++) {
        fl_buf_reset(&id);
        fl_trace_id_emit(store->pins[i], &id);
        fl_jw_str(w, fl_buf_str(&id));
    }
    fl_buf_fini(&id);
    fl_jw_close(w, ']');
}

static void write_names(fl_jw *w, fl_str key, const fl_str *names, size_t count)
{
    fl_jw_key(w, key);
    fl_jw_open(w, '[');
    for (size_t i = 0; i < count; i++) {
        fl_jw_str(w, names[i]);
    }
    fl_jw_close(w, ']');
}

static void write_rest(fl_jw *w, const fl_inspection *found)
{
    fl_jw_key(w, FL_S("Log"));
    fl_jw_open(w, '[');
    for (size_t i = 0; i < found->log_count; i++) {
        if (!found->logs[i].gone) {
            write_log(w, &found->logs[i]);
        }
    }
    fl_jw_close(w, ']');
    write_store(w, &found->store);
    write_names(w, FL_S("Unfinished"), found->files->unfinished, found->files->unfinished_count);
    write_names(w, FL_S("Unknown"), found->files->strangers, found->files->stranger_count);
}

fl_status fl_inspection_json(fl_arena *arena, const fl_inspection *found, fl_buf *out, fl_err *err)
{
    fl_data_part_facts sum;
    fl_jw w = fl_jw_of(out);
    FL_TRY(fl_inspection_sum(arena, found, &sum, err));
    fl_jw_open(&w, '{');
    fl_jw_key_str(&w, FL_S("Dir"), fl_str_of(found->dir));
    fl_jw_key(&w, FL_S("Parts"));
    fl_jw_open(&w, '[');
    for (size_t i = 0; i < found->part_count; i++) {
        if (!found->parts[i].gone) {
            write_part(&w, found, &found->parts[i]);
        }
    }
    fl_jw_close(&w, ']');
    if (!found->by_name) {
        if (found->with_columns) {
            write_columns(&w, &sum);
        }
        write_rest(&w, found);
    }
    fl_jw_close(&w, '}');
    fl_buf_add_byte(out, '\n');
    return FL_OK;
}
