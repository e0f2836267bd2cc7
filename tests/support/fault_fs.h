/*
 * A file system in memory that fails as told: the n-th call, a disk that is full, a sync that did
 * not sync. It knows what would survive a power cut: file contents as of their last good sync,
 * names as of the last sync of their folder. Thread-safe.
 */
#ifndef FL_TESTS_SUPPORT_FAULT_FS_H
#define FL_TESTS_SUPPORT_FAULT_FS_H

#include "base/base.h"

typedef struct fault_fs fault_fs;

fault_fs *fault_fs_new(void);
void fault_fs_free(fault_fs *fs);
fl_fs *fault_fs_calls(fault_fs *fs); /* what the store gets */

/* The n-th call from now fails once with FL_E_IO; a write then leaves half of its bytes, a sync
 * loses for ever what was not synced before (as Linux does). 0 = none. */
void fault_fs_fail_at(fault_fs *fs, uint64_t n);
bool fault_fs_failed(fault_fs *fs); /* has that call come? */
/* The same for several calls in a row, from the n-th on. */
void fault_fs_fail_run(fault_fs *fs, uint64_t n, uint64_t calls);

/* From now on, writes beyond so many bytes in all files fail; UINT64_MAX = room for all. */
void fault_fs_set_room(fault_fs *fs, uint64_t bytes);
uint64_t fault_fs_used(fault_fs *fs); /* bytes in all files */

/* What a machine finds after a power cut now. seed 0: nothing that was not synced. Else each 512
 * bytes of unsynced data, and each unsynced name, survives or does not, as the seed has it. */
fault_fs *fault_fs_after_power_cut(fault_fs *fs, uint64_t seed);
/* Takes such an image when the n-th call from now begins; it belongs to fs. NULL until then. */
void fault_fs_cut_at(fault_fs *fs, uint64_t n, uint64_t seed);
fault_fs *fault_fs_cut(fault_fs *fs);
/* What is found after a kill -9: everything that was written. */
fault_fs *fault_fs_after_kill(fault_fs *fs);

/* Files that are there, by index, in order of their paths; false beyond the last. The content may
 * be changed in place. */
bool fault_fs_file(fault_fs *fs, size_t index, const char **path, unsigned char **content,
                   size_t *n);
void fault_fs_set_size(fault_fs *fs, const char *path, size_t n);
/* Makes a file as if it had always been there. */
void fault_fs_put(fault_fs *fs, const char *path, const void *content, size_t n);

#endif
