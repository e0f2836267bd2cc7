/*
 * Bytes of a file or of standard input, to its end or for as long as it grows.
 */
#ifndef FL_CLI_BEDROCK_INPUT_INT_H
#define FL_CLI_BEDROCK_INPUT_INT_H

#include "base/base.h"

typedef struct fl_import_input {
    const char *path; /* borrowed; "-" is standard input */
    int file;
    int signals; /* when following: readable once we are asked to stop; else -1 */
    bool grows;  /* a regular file that is followed */
    char *buffer;
    uint64_t bytes; /* read so far */
} fl_import_input;

/*
 * follow: the end of a regular file is waited for until SIGINT or SIGTERM comes, or until the file
 * is removed, renamed or cut; anything else ends where it ends, or by those signals. They are
 * blocked meanwhile and do their usual work again once one has come. Errors: FL_E_IO with the path.
 */
FL_MUST fl_status fl_import_input_open(fl_import_input *input, const char *path, bool follow,
                                       fl_err *err);
void fl_import_input_close(fl_import_input *input);

/* The next bytes, at most 256 KiB, borrowed until the next call; none at the end. When following,
 * what is there is given without waiting for more. */
FL_MUST fl_status fl_import_input_read(fl_import_input *input, fl_str *bytes, fl_err *err);

#endif
