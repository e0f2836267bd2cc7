#include "cli/cli_int.h"

#define WORD_MAX 32

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein distance, one row at a time; both words are at most WORD_MAX long. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned row[WORD_MAX + 1];
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = (unsigned)j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned above = row[j];
            row[j] = least(row[j - 1] + 1, above + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_len];
}

/* A word that begins a name is meant to be it, however much is missing. */
static unsigned unlikeness(const char *word, size_t word_len, const char *name)
{
    size_t name_len = strlen(name);
    if (name_len > WORD_MAX) {
        return WORD_MAX;
    }
    if (word_len >= 2 && strncmp(word, name, word_len) == 0) {
        return 1;
    }
    return distance(word, word_len, name, name_len);
}

const char *fl_cli_nearest(const char *word, const char *(*name_of)(const void *names, size_t i),
                           const void *names, size_t count)
{
    size_t word_len = strlen(word);
    unsigned best_unlikeness = word_len < 4 ? 2 : 3; /* what is as far as this is another word */
    const char *best = NULL;
    for (size_t i = 0; word_len <= WORD_MAX && i < count; i++) {
        const char *name = name_of(names, i);
        unsigned found = unlikeness(word, word_len, name);
        if (found < best_unlikeness) {
            best_unlikeness = found;
            best = name;
        }
    }
    return best;
}
