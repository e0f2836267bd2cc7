#include <stdlib.h>

/* For frames without magic number and for Huffman coding at levels below 0. Both are parameters of
 * the shared library since 1.3; what is not promised is their names in the header. */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include "codec/codec.h"

struct fl_zstd {
    ZSTD_CCtx *packer; /* NULL until first use */
    ZSTD_DCtx *unpacker;
};

fl_zstd *fl_zstd_new(void)
{
    return calloc(1, sizeof(fl_zstd));
}

void fl_zstd_free(fl_zstd *zstd)
{
    if (zstd != NULL) {
        ZSTD_freeCCtx(zstd->packer);
        ZSTD_freeDCtx(zstd->unpacker);
        free(zstd);
    }
}

static bool set(ZSTD_CCtx *packer, ZSTD_cParameter parameter, int value)
{
    return !ZSTD_isError(ZSTD_CCtx_setParameter(packer, parameter, value));
}

static bool ready_to_pack(fl_zstd *zstd, int level)
{
    if (zstd->packer == NULL) {
        ZSTD_CCtx *packer = ZSTD_createCCtx();
        if (packer == NULL || !set(packer, ZSTD_c_format, ZSTD_f_zstd1_magicless) ||
            !set(packer, ZSTD_c_contentSizeFlag, 0)) {
            ZSTD_freeCCtx(packer);
            return false;
        }
        zstd->packer = packer;
    }
    return set(zstd->packer, ZSTD_c_compressionLevel, level) &&
           set(zstd->packer, ZSTD_c_literalCompressionMode,
               level == FL_ZSTD_ENTROPY ? ZSTD_ps_enable : ZSTD_ps_auto);
}

fl_status fl_zstd_pack(fl_zstd *zstd, fl_str raw, int level, fl_buf *out, fl_err *err)
{
    if (out->status != FL_OK) {
        FL_FAIL(err, out->status, "%s", fl_status_of(out->status)->text);
    }
    if (raw.n > ZSTD_MAX_INPUT_SIZE) {
        FL_FAIL(err, FL_E_TOO_LARGE, "%zu bytes are more than a zstd frame takes", raw.n);
    }
    if (!ready_to_pack(zstd, level)) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for zstd");
    }
    size_t left = out->max_bytes - out->n;
    size_t bound = ZSTD_compressBound(raw.n);
    size_t room = bound < left ? bound : left;
    char *to = fl_buf_room(out, room);
    if (to == NULL) {
        FL_FAIL(err, out->status, "no memory to pack %zu bytes", raw.n);
    }
    size_t n = ZSTD_compress2(zstd->packer, to, room, raw.p != NULL ? raw.p : "", raw.n);
    if (ZSTD_isError(n)) {
        (void)ZSTD_CCtx_reset(zstd->packer, ZSTD_reset_session_only); /* for the next call */
        bool too_large = ZSTD_getErrorCode(n) == ZSTD_error_dstSize_tooSmall;
        FL_FAIL(err, too_large ? FL_E_TOO_LARGE : FL_E_NOMEM, "cannot pack %zu bytes: %s", raw.n,
                ZSTD_getErrorName(n));
    }
    fl_buf_grow(out, n);
    return FL_OK;
}

fl_status fl_zstd_unpack(fl_zstd *zstd, fl_str packed, char *to, size_t raw_len, fl_err *err)
{
    if (zstd->unpacker == NULL) {
        ZSTD_DCtx *unpacker = ZSTD_createDCtx();
        if (unpacker == NULL ||
            ZSTD_isError(ZSTD_DCtx_setParameter(unpacker, ZSTD_d_format, ZSTD_f_zstd1_magicless))) {
            ZSTD_freeDCtx(unpacker);
            FL_FAIL(err, FL_E_NOMEM, "no memory for zstd");
        }
        zstd->unpacker = unpacker;
    }
    size_t n = packed.n != 0 ? ZSTD_decompressDCtx(zstd->unpacker, to, raw_len, packed.p, packed.n)
                             : SIZE_MAX;
    if (ZSTD_isError(n) || n != raw_len) {
        FL_FAIL(err, FL_E_CORRUPT, "a zstd frame does not unpack to %zu bytes", raw_len);
    }
    return FL_OK;
}
