#include <stdlib.h>

#include "store/part/column_format_int.h"

/* What the encoder keeps; a chunk of a few thousand values takes less. */
#define REGION_MAX ((size_t)4 << 20)
#define ALIGNMENT  16

fl_column_encoder *fl_column_encoder_new(void)
{
    fl_column_encoder *encoder = calloc(1, sizeof *encoder);
    fl_zstd *zstd = fl_zstd_new();
    if (encoder == NULL || zstd == NULL) {
        free(encoder);
        fl_zstd_free(zstd);
        return NULL;
    }
    encoder->zstd = zstd;
    fl_buf_init(&encoder->packed, 2 * FL_COLUMN_BYTES_MAX);
    fl_arena_init(&encoder->arena, FL_CHUNK_SCRATCH_MAX);
    return encoder;
}

void fl_column_encoder_free(fl_column_encoder *encoder)
{
    if (encoder != NULL) {
        fl_zstd_free(encoder->zstd);
        fl_buf_fini(&encoder->packed);
        fl_arena_fini(&encoder->arena);
        free(encoder->region);
        free(encoder);
    }
}

void *fl_scratch_alloc(fl_column_encoder *encoder, size_t bytes)
{
    size_t aligned = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (encoder->region != NULL && bytes <= encoder->region_bytes &&
        aligned <= encoder->region_bytes - encoder->region_used) {
        void *piece = encoder->region + encoder->region_used;
        encoder->region_used += aligned;
        return piece;
    }
    encoder->arena_used += bytes <= REGION_MAX ? aligned : 0;
    return fl_arena_alloc(&encoder->arena, bytes);
}

void *fl_scratch_zalloc(fl_column_encoder *encoder, size_t bytes)
{
    void *piece = fl_scratch_alloc(encoder, bytes);
    if (piece != NULL) {
        memset(piece, 0, bytes);
    }
    return piece;
}

void fl_scratch_reset(fl_column_encoder *encoder)
{
    size_t wanted = encoder->region_used + encoder->arena_used;
    wanted = wanted < REGION_MAX ? wanted : REGION_MAX;
    fl_arena_reset(&encoder->arena);
#ifndef FL_ARENA_DEBUG /* there, each piece stays on its own, so that an overrun shows */
    if (wanted > encoder->region_bytes) {
        free(encoder->region);
        encoder->region = malloc(wanted * 2);
        encoder->region_bytes = encoder->region != NULL ? wanted * 2 : 0;
    }
#endif
    encoder->region_used = 0;
    encoder->arena_used = 0;
}
