/* The plain functions of SHA-256 stay: unlike the EVP ones they take no memory, cannot fail and
 * look nothing up, which per call would cost more than the digest of a few short texts. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <limits.h>
#include <zlib.h>

#include "codec/codec.h"

_Static_assert(SHA256_DIGEST_LENGTH == FL_SHA256_BYTES, "the digest has the length of the header");

void fl_sha256_lines(const fl_str *parts, size_t count, unsigned char digest[FL_SHA256_BYTES])
{
    SHA256_CTX sha;
    SHA256_Init(&sha);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            SHA256_Update(&sha, "\n", 1);
        }
        if (parts[i].n > 0) {
            SHA256_Update(&sha, parts[i].p, parts[i].n);
        }
    }
    SHA256_Final(digest, &sha);
}

uint32_t fl_crc32(uint32_t crc, fl_str bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.p;
    for (size_t left = bytes.n; left > 0;) {
        uInt n = left < UINT_MAX ? (uInt)left : UINT_MAX;
        crc = (uint32_t)crc32(crc, p, n);
        p += n;
        left -= n;
    }
    return crc;
}
