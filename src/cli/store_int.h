/*
 * What `fluoro store inspect`, `verify` and `dump` share: the data directory, and a store that is
 * opened to be read only, with calls that wait.
 */
#ifndef FL_CLI_STORE_INT_H
#define FL_CLI_STORE_INT_H

#include "cli/screen_int.h"
#include "store/store.h"

int fl_cli_store_inspect(int argc, char **argv);
int fl_cli_store_verify(int argc, char **argv);
int fl_cli_store_dump(int argc, char **argv);

#define FL_OPTION_DATA(type, member)                                                               \
    {                                                                                              \
        .name = "data", .kind = FL_OPTION_TEXT, .argument = "DIR",                                 \
        .help = "where traces are kept [as `fluoro serve` says]", .offset = offsetof(type, member) \
    }

/* The directory that `fluoro serve` would use: given (may be NULL), else FLUORO_DATA, the file of
 * FLUORO_CONFIG, the default. In arena. Errors: FL_E_CONFIG. */
FL_MUST fl_status fl_store_dir_of(fl_arena *arena, const char *given, const char **dir,
                                  fl_err *err);

/* ---- A store, read only, beside whoever writes it */

typedef struct fl_store_reader {
    fl_loop *loop;
    fl_store *store;
    fl_log *log; /* errors, on standard error; NULL = none are told */
} fl_store_reader;

/* Opens what is there now. Zeroed or closed before. Errors: as fl_store_local_open. */
FL_MUST fl_status fl_store_reader_open(fl_store_reader *reader, const char *dir, bool quiet,
                                       fl_err *err);
void fl_store_reader_close(fl_store_reader *reader);
/* As fl_store_get_begin and fl_store_scan_begin; loop, done and user fields are set here. */
void fl_store_reader_get(fl_store_reader *reader, fl_store_get *get);
void fl_store_reader_scan(fl_store_reader *reader, fl_store_scan *scan);

/* ---- Texts */

/* "812 bytes", "33.4 kB", "1.20 GB": three digits, powers of 1,000. */
void fl_bytes_text(uint64_t bytes, fl_buf *out);
/* The name of a part as people read and type it: 20261122-1-8-1, numbers in hex. */
void fl_part_text(const fl_data_part *part, fl_buf *out);
/* Is it the part that the word means: that short form, the file's name or its path? */
bool fl_part_is_meant(const fl_data_part *part, const char *word);

/* A message without the path of the file that the reader knows of anyway. */
void fl_text_without_path(const char *text, const char *path, fl_buf *out);

#endif
