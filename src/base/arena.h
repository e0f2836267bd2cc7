/*
 * Arenas: memory by lifetime (request, batch, query). Everything allocated from one is given back
 * at once by its owner. An arena belongs to one thread at a time; it may be handed over whole.
 *
 * In builds with FL_ARENA_DEBUG (the sanitizer presets) each piece is a malloc of its own, so that
 * an overrun or a use after reset is seen by ASan; FLUORO_ARENA=chunk in the environment turns that
 * off.
 */
#ifndef FL_BASE_ARENA_H
#define FL_BASE_ARENA_H

#include "base/budget.h"
#include "base/status.h"

typedef struct fl_arena_chunk fl_arena_chunk;

typedef struct fl_arena {
    unsigned char *next, *end; /* free room of the current chunk */
    fl_arena_chunk *chunks;    /* newest first */
    size_t used_bytes;         /* taken from the system for this arena, counted against max_bytes */
    size_t max_bytes;
    size_t chunk_bytes;  /* size of the next chunk; doubles up to 1 MiB */
    fl_budget *budget;   /* shared by arenas of one purpose; NULL = none. Set after init */
    bool budget_refused; /* an allocation failed because the budget was in use elsewhere */
    uint64_t fail_at;    /* fault injection: the n-th allocation from now fails; 0 = never */
} fl_arena;

/* No memory is taken until the first allocation. max_bytes bounds what it ever holds. */
void fl_arena_init(fl_arena *arena, size_t max_bytes);

/* Right after init: about so many bytes will be needed, so that the first chunk is no larger. */
void fl_arena_expect(fl_arena *arena, size_t bytes);

/* Gives everything back and leaves a usable, empty arena; keeps one chunk of at most 64 KiB for
 * reuse. */
void fl_arena_reset(fl_arena *arena);

/* Gives everything back. A finished or zeroed arena may be finished again. */
void fl_arena_fini(fl_arena *arena);

/* Zeroed / uninitialised bytes aligned for any type; NULL when over max_bytes or out of memory.
 * A size of 0 gives a valid pointer. */
FL_MUST void *fl_arena_zalloc(fl_arena *arena, size_t bytes);
FL_MUST void *fl_arena_alloc(fl_arena *arena, size_t bytes);

/* Grows or shrinks a piece of old_bytes; the content up to the smaller size is kept, the rest is
 * uninitialised. The newest piece stays where it is if there is room; any other may move, and its
 * old place is then lost until the reset. A piece of NULL is allocated. NULL leaves the piece as it
 * was. */
FL_MUST void *fl_arena_resize(fl_arena *arena, void *piece, size_t old_bytes, size_t bytes);

/* count * size, checked for overflow, zeroed. */
FL_MUST void *fl_arena_array(fl_arena *arena, size_t count, size_t size);

#define FL_ARENA_NEW(arena, type)          ((type *)fl_arena_zalloc((arena), sizeof(type)))
#define FL_ARENA_ARRAY(arena, type, count) ((type *)fl_arena_array((arena), (count), sizeof(type)))

#endif
