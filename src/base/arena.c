#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

#define SMALL_CHUNK_BYTES ((size_t)512)
#define FIRST_CHUNK_BYTES ((size_t)4 << 10)
#define LAST_CHUNK_BYTES  ((size_t)1 << 20)
#define KEPT_CHUNK_BYTES  ((size_t)64 << 10)
#define ALIGNMENT         _Alignof(max_align_t)

/* The pieces follow the header; the size keeps them aligned. */
struct fl_arena_chunk {
    fl_arena_chunk *next;
    size_t bytes; /* with this header */
};

_Static_assert(sizeof(fl_arena_chunk) % ALIGNMENT == 0, "pieces behind the header are aligned");

static unsigned char *chunk_pieces(fl_arena_chunk *chunk)
{
    return (unsigned char *)(chunk + 1);
}

/* A chunk_bytes of 0 makes every piece a chunk of its own, which is the debug mode. */
static size_t first_chunk_bytes(void)
{
#ifdef FL_ARENA_DEBUG
    const char *mode = getenv("FLUORO_ARENA");
    return mode != NULL && strcmp(mode, "chunk") == 0 ? FIRST_CHUNK_BYTES : 0;
#else
    return FIRST_CHUNK_BYTES;
#endif
}

void fl_arena_init(fl_arena *arena, size_t max_bytes)
{
    *arena = (fl_arena){.max_bytes = max_bytes, .chunk_bytes = first_chunk_bytes()};
}

void fl_arena_expect(fl_arena *arena, size_t bytes)
{
    if (arena->chunk_bytes != 0 && bytes < FIRST_CHUNK_BYTES) {
        arena->chunk_bytes = bytes > SMALL_CHUNK_BYTES ? bytes : SMALL_CHUNK_BYTES;
    }
}

/* Counts bytes that are to be taken from the system, against both bounds. */
static bool take_bytes(fl_arena *arena, size_t bytes)
{
    if (bytes > arena->max_bytes - arena->used_bytes) {
        return false;
    }
    if (arena->budget != NULL && !fl_budget_take(arena->budget, bytes)) {
        arena->budget_refused = true;
        return false;
    }
    arena->used_bytes += bytes;
    return true;
}

static void give_bytes(fl_arena *arena, size_t bytes)
{
    arena->used_bytes -= bytes;
    if (arena->budget != NULL) {
        fl_budget_give(arena->budget, bytes);
    }
}

static void free_chunks(fl_arena *arena, const fl_arena_chunk *kept)
{
    fl_arena_chunk *chunk = arena->chunks;
    while (chunk != NULL) {
        fl_arena_chunk *next = chunk->next;
        if (chunk != kept) {
            give_bytes(arena, chunk->bytes);
            free(chunk);
        }
        chunk = next;
    }
}

static fl_arena_chunk *largest_kept_chunk(const fl_arena *arena)
{
    fl_arena_chunk *kept = NULL;
    if (arena->chunk_bytes == 0) {
        return NULL;
    }
    for (fl_arena_chunk *chunk = arena->chunks; chunk != NULL; chunk = chunk->next) {
        if (chunk->bytes <= KEPT_CHUNK_BYTES && (kept == NULL || chunk->bytes > kept->bytes)) {
            kept = chunk;
        }
    }
    return kept;
}

void fl_arena_reset(fl_arena *arena)
{
    fl_arena_chunk *kept = largest_kept_chunk(arena);
    free_chunks(arena, kept);
    arena->chunks = kept;
    if (kept == NULL) {
        arena->next = arena->end = NULL;
        arena->chunk_bytes = arena->chunk_bytes != 0 ? FIRST_CHUNK_BYTES : 0;
        return;
    }
    kept->next = NULL;
    arena->next = chunk_pieces(kept);
    arena->end = (unsigned char *)kept + kept->bytes;
    /* What was needed once is needed again as a rule: the next chunk follows on the kept one. */
    arena->chunk_bytes = kept->bytes < FIRST_CHUNK_BYTES ? FIRST_CHUNK_BYTES : kept->bytes * 2;
}

void fl_arena_fini(fl_arena *arena)
{
    free_chunks(arena, NULL);
    *arena = (fl_arena){
        .max_bytes = arena->max_bytes, .chunk_bytes = arena->chunk_bytes, .budget = arena->budget};
}

static bool injected_failure(fl_arena *arena)
{
    return arena->fail_at != 0 && --arena->fail_at == 0;
}

/* A chunk of `bytes` with its header, counted but not yet in the list. */
static fl_arena_chunk *chunk_new(fl_arena *arena, size_t bytes)
{
    if (!take_bytes(arena, bytes)) {
        return NULL;
    }
    fl_arena_chunk *chunk = malloc(bytes);
    if (chunk == NULL) {
        give_bytes(arena, bytes);
        return NULL;
    }
    chunk->bytes = bytes;
    return chunk;
}

/* A piece with a chunk of its own goes behind the newest one, whose room stays in use. */
static void *alloc_own_chunk(fl_arena *arena, size_t bytes)
{
    size_t chunk_bytes;
    if (!fl_size_add(bytes, sizeof(fl_arena_chunk), &chunk_bytes)) {
        return NULL;
    }
    fl_arena_chunk *chunk = chunk_new(arena, chunk_bytes);
    if (chunk == NULL) {
        return NULL;
    }
    if (arena->chunks == NULL || arena->chunk_bytes == 0) {
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    } else {
        chunk->next = arena->chunks->next;
        arena->chunks->next = chunk;
    }
    return chunk_pieces(chunk);
}

static void *alloc_new_chunk(fl_arena *arena, size_t rounded)
{
    size_t left = arena->max_bytes - arena->used_bytes;
    size_t bytes = arena->chunk_bytes < left ? arena->chunk_bytes : left;
    if (bytes < rounded + sizeof(fl_arena_chunk)) {
        return NULL;
    }
    fl_arena_chunk *chunk = chunk_new(arena, bytes);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->next = chunk_pieces(chunk) + rounded;
    arena->end = (unsigned char *)chunk + bytes;
    if (arena->chunk_bytes < LAST_CHUNK_BYTES) {
        arena->chunk_bytes *= 2;
    }
    return chunk_pieces(chunk);
}

/* Every piece takes a step of its own, so that pointers of empty pieces differ as well. */
static bool round_up(size_t bytes, size_t *rounded)
{
    if (!fl_size_add(bytes != 0 ? bytes : 1, ALIGNMENT - 1, rounded)) {
        return false;
    }
    *rounded &= ~(ALIGNMENT - 1);
    return true;
}

void *fl_arena_alloc(fl_arena *arena, size_t bytes)
{
    size_t rounded;
    size_t chunk_bytes;
    if (injected_failure(arena) || !round_up(bytes, &rounded)) {
        return NULL;
    }
    if (rounded <= (size_t)(arena->end - arena->next)) {
        void *piece = arena->next;
        arena->next += rounded;
        return piece;
    }
    if (!fl_size_add(rounded, sizeof(fl_arena_chunk), &chunk_bytes)) {
        return NULL;
    }
    return chunk_bytes > arena->chunk_bytes ? alloc_own_chunk(arena, bytes)
                                            : alloc_new_chunk(arena, rounded);
}

void *fl_arena_zalloc(fl_arena *arena, size_t bytes)
{
    void *piece = fl_arena_alloc(arena, bytes);
    return piece != NULL ? memset(piece, 0, bytes) : NULL;
}

void *fl_arena_array(fl_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    return fl_size_mul(count, size, &bytes) ? fl_arena_zalloc(arena, bytes) : NULL;
}

/* The link to the chunk that holds this piece and nothing else, NULL if it shares one. */
static fl_arena_chunk **own_chunk_of(fl_arena *arena, const void *piece, size_t bytes)
{
    for (fl_arena_chunk **link = &arena->chunks; *link != NULL; link = &(*link)->next) {
        if (chunk_pieces(*link) == piece) {
            bool current = (unsigned char *)*link + (*link)->bytes == arena->end;
            return !current && (*link)->bytes == bytes + sizeof(fl_arena_chunk) ? link : NULL;
        }
    }
    return NULL;
}

static void *resize_own_chunk(fl_arena *arena, fl_arena_chunk **link, size_t bytes)
{
    size_t chunk_bytes;
    size_t old_chunk_bytes = (*link)->bytes;
    if (!fl_size_add(bytes, sizeof(fl_arena_chunk), &chunk_bytes)) {
        return NULL;
    }
    size_t more = chunk_bytes > old_chunk_bytes ? chunk_bytes - old_chunk_bytes : 0;
    if (!take_bytes(arena, more)) {
        return NULL;
    }
    fl_arena_chunk *chunk = realloc(*link, chunk_bytes);
    if (chunk == NULL) {
        give_bytes(arena, more);
        return NULL;
    }
    give_bytes(arena, old_chunk_bytes + more - chunk_bytes);
    chunk->bytes = chunk_bytes;
    *link = chunk;
    return chunk_pieces(chunk);
}

static void *move_piece(fl_arena *arena, const void *piece, size_t old_bytes, size_t bytes)
{
    void *moved = fl_arena_alloc(arena, bytes);
    return moved != NULL ? memcpy(moved, piece, old_bytes) : NULL;
}

void *fl_arena_resize(fl_arena *arena, void *piece, size_t old_bytes, size_t bytes)
{
    size_t old_rounded;
    size_t rounded;
    unsigned char *start = piece;
    if (piece == NULL) {
        return fl_arena_alloc(arena, bytes);
    }
    if (!round_up(old_bytes, &old_rounded) || !round_up(bytes, &rounded)) {
        return NULL;
    }
    bool newest = start + old_rounded == arena->next;
    if (newest && rounded <= (size_t)(arena->end - start)) {
        if (injected_failure(arena)) {
            return NULL;
        }
        arena->next = start + rounded;
        return piece;
    }
    fl_arena_chunk **own = own_chunk_of(arena, piece, old_bytes);
    if (own != NULL) {
        return injected_failure(arena) ? NULL : resize_own_chunk(arena, own, bytes);
    }
    return bytes <= old_bytes ? piece : move_piece(arena, piece, old_bytes, bytes);
}
