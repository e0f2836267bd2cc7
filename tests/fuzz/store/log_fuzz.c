/*
 * Opening any bytes as a log. The first byte of the input picks how the rest is taken: as a log
 * file, as the records of a sound frame, or as an LZ4 payload. What was opened is read back as a
 * get does, and opened once more: what the first opening mended or cut off, the second must find in
 * order.
 */
#include <stdlib.h>

#include "store/local/wal_read_int.h"
#include "support/fault_fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define DIR       "/data"
#define FILE_NAME DIR "/log/0000000000000001-0.log"
#define RAW_MAX   ((size_t)1 << 20)

static fl_store *load(fault_fs *fs, const fl_clock_manual *clock)
{
    fl_loop *no_loops[2] = {NULL, NULL};
    fl_store *store = NULL;
    fl_local_options options = fl_local_options_default();
    fl_store_config config = {
        .dir = DIR,
        .loops = no_loops,
        .loop_count = 2,
        .memory_bytes = (size_t)64 << 20,
        .fs = fault_fs_calls(fs),
        .clock = &clock->clock,
    };
    return fl_local_load(&config, &options, &store, NULL) == FL_OK ? store : NULL;
}

/* Every record that a row refers to can be read, and its document is sound or refused. */
static void read_all(fl_store *store)
{
    fl_wal_reader reader;
    fl_arena arena;
    fl_arena_init(&arena, (size_t)64 << 20);
    fl_wal_reader_init(&reader, store);
    for (size_t i = 0; i < store->shard_count; i++) {
        const fl_rows *rows = &store->shards[i].rows;
        for (uint32_t k = 0; k < rows->made; k++) {
            const fl_row *row = fl_rows_at(rows, k);
            for (uint32_t r = 0; row != NULL && r < row->record_count; r++) {
                fl_wal_record record;
                uint64_t arrival;
                fl_segment *segment;
                if (fl_wal_reader_record(&reader, fl_row_refs(row)[r], &record, &arrival, NULL) !=
                        FL_OK ||
                    !fl_trace_id_eq(record.id, row->id)) {
                    abort();
                }
                (void)!fl_segment_unpack(&arena, record.document, &segment, NULL);
                fl_arena_reset(&arena);
            }
        }
    }
    fl_wal_reader_fini(&reader);
    fl_arena_fini(&arena);
}

static void open_twice(const void *content, size_t n)
{
    fl_clock_manual clock;
    fl_clock_manual_init(&clock, 0, 0);
    fault_fs *fs = fault_fs_new();
    fault_fs_put(fs, FILE_NAME, content, n);
    fl_store *store = load(fs, &clock);
    if (store != NULL) {
        uint64_t segments = fl_counter_get(&store->stats->segments);
        read_all(store);
        fl_local_free(store);
        store = load(fs, &clock);
        if (store == NULL || fl_counter_get(&store->stats->segments) != segments ||
            fl_counter_get(&store->stats->torn_bytes_total) != 0 ||
            fl_counter_get(&store->stats->repaired_frames_total) != 0) {
            abort();
        }
        fl_local_free(store);
    }
    fault_fs_free(fs);
}

static void open_records(const char *raw, size_t n)
{
    fl_buf file;
    unsigned char header[FL_WAL_FILE_HEADER_BYTES];
    fl_wal_frame frame = {.begins_commit = true, .records = (uint16_t)(n % 40), .first_arrival = n};
    fl_buf_init(&file, RAW_MAX);
    fl_wal_file_header_emit(&(fl_wal_file_header){.version = FL_WAL_VERSION, .sequence = 1},
                            header);
    fl_buf_add(&file, header, sizeof header);
    fl_wal_frame_emit(&frame, (fl_wal_place){1, file.n}, (fl_str){raw, n}, &file);
    open_twice(file.p, file.n);
    fl_buf_fini(&file);
}

static void unpack(const unsigned char *payload, size_t n)
{
    fl_buf raw;
    fl_str records;
    fl_wal_frame frame = {
        .lz4 = true, .stored_len = (uint32_t)n, .raw_len = (uint32_t)(n * (n % 255))};
    fl_buf_init(&raw, RAW_MAX);
    (void)!fl_wal_payload_open(&frame, payload, &raw, &records, NULL);
    fl_buf_fini(&raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n == 0 || n > RAW_MAX / 2) {
        return 0;
    }
    switch (bytes[0] % 3) {
    case 0:
        open_twice(bytes + 1, n - 1);
        break;
    case 1:
        open_records((const char *)bytes + 1, n - 1);
        break;
    default:
        unpack(bytes + 1, n - 1);
        break;
    }
    return 0;
}
