#include "cli/bedrock_input_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES  ((size_t)256 << 10)
#define LOOK_AGAIN_MS 200

static sigset_t stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

static fl_status fail(const fl_import_input *input, const char *what, fl_err *err)
{
    FL_FAIL(err, FL_E_IO, "%.150s: cannot %s: %s", input->path, what, strerror(errno));
}

static fl_status open_file(fl_import_input *input, bool follow, fl_err *err)
{
    struct stat st;
    if (strcmp(input->path, "-") == 0) {
        input->file = STDIN_FILENO;
        return FL_OK;
    }
    input->file = open(input->path, O_RDONLY | O_CLOEXEC);
    if (input->file < 0 || fstat(input->file, &st) != 0) {
        return fail(input, "open it", err);
    }
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return fail(input, "read it", err);
    }
    input->grows = follow && S_ISREG(st.st_mode);
    return FL_OK;
}

static fl_status watch_signals(fl_import_input *input, fl_err *err)
{
    sigset_t set = stop_signals();
    input->signals = signalfd(-1, &set, SFD_CLOEXEC);
    return input->signals >= 0 && sigprocmask(SIG_BLOCK, &set, NULL) == 0
               ? FL_OK
               : fail(input, "wait for signals", err);
}

fl_status fl_import_input_open(fl_import_input *input, const char *path, bool follow, fl_err *err)
{
    *input = (fl_import_input){.path = path, .file = -1, .signals = -1};
    input->buffer = malloc(BUFFER_BYTES);
    if (input->buffer == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "out of memory");
    }
    fl_status status = open_file(input, follow, err);
    if (status == FL_OK && follow) {
        status = watch_signals(input, err);
    }
    if (status != FL_OK) {
        fl_import_input_close(input);
    }
    return status;
}

void fl_import_input_close(fl_import_input *input)
{
    if (input->signals >= 0) {
        sigset_t set = stop_signals();
        close(input->signals);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
    }
    if (input->file > STDIN_FILENO) {
        close(input->file);
    }
    free(input->buffer);
    *input = (fl_import_input){.path = input->path, .file = -1, .signals = -1};
}

/* Will no more be written to the file under its name? */
static bool is_abandoned(const fl_import_input *input)
{
    struct stat opened, named;
    if (fstat(input->file, &opened) != 0 || stat(input->path, &named) != 0) {
        return true;
    }
    return opened.st_dev != named.st_dev || opened.st_ino != named.st_ino ||
           (uint64_t)opened.st_size < input->bytes;
}

static fl_status read_some(fl_import_input *input, fl_str *bytes, fl_err *err)
{
    ssize_t n;
    do {
        n = read(input->file, input->buffer, BUFFER_BYTES);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return fail(input, "read it", err);
    }
    input->bytes += (uint64_t)n;
    *bytes = (fl_str){input->buffer, (size_t)n};
    return FL_OK;
}

/* Waits until there is something to read or it is time to look; false when asked to stop. */
static bool wait_for_more(const fl_import_input *input)
{
    struct pollfd polled[] = {{.fd = input->signals, .events = POLLIN},
                              {.fd = input->grows ? -1 : input->file, .events = POLLIN}};
    int ready = poll(polled, 2, input->grows ? LOOK_AGAIN_MS : -1);
    return ready <= 0 || polled[0].revents == 0;
}

/* From now on a signal ends the program. The one that came is taken first. */
static void take_signal(fl_import_input *input)
{
    struct signalfd_siginfo info;
    sigset_t set = stop_signals();
    ssize_t ignored = read(input->signals, &info, sizeof info);
    (void)ignored;
    close(input->signals);
    input->signals = -1;
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* A regular file: what is there; at its end, what comes. */
static fl_status read_growing(fl_import_input *input, fl_str *bytes, fl_err *err)
{
    for (;;) {
        bool abandoned = is_abandoned(input); /* first, so that its last bytes are read */
        FL_TRY(read_some(input, bytes, err));
        if (bytes->n > 0 || abandoned) {
            return FL_OK;
        }
        if (!wait_for_more(input)) {
            take_signal(input);
            return FL_OK;
        }
    }
}

fl_status fl_import_input_read(fl_import_input *input, fl_str *bytes, fl_err *err)
{
    if (input->signals < 0) {
        return read_some(input, bytes, err);
    }
    if (input->grows) {
        return read_growing(input, bytes, err);
    }
    if (!wait_for_more(input)) {
        take_signal(input);
        *bytes = (fl_str){0};
        return FL_OK;
    }
    return read_some(input, bytes, err);
}
