/* Hash chains of items that come and go; the newest of equal ones is found first. */
#include <stdlib.h>

#include "bedrock/convert_int.h"

#define FIRST_BUCKETS 64

static bedrock_index_entry **bucket_of(const bedrock_index *index, uint64_t hash)
{
    return &index->buckets[hash & (index->bucket_count - 1)];
}

static void push(const bedrock_index *index, bedrock_index_entry *entry)
{
    bedrock_index_entry **bucket = bucket_of(index, entry->hash);
    entry->newer = NULL;
    entry->older = *bucket;
    if (*bucket != NULL) {
        (*bucket)->newer = entry;
    }
    *bucket = entry;
}

/* Each chain is gone through from its oldest, so that the order stays. */
static void move_chain(const bedrock_index *to, bedrock_index_entry *entry)
{
    while (entry != NULL && entry->older != NULL) {
        entry = entry->older;
    }
    while (entry != NULL) {
        bedrock_index_entry *newer = entry->newer;
        push(to, entry);
        entry = newer;
    }
}

static fl_status grow(bedrock_index *index, fl_err *err)
{
    size_t bucket_count = index->bucket_count == 0 ? FIRST_BUCKETS : index->bucket_count * 2;
    bedrock_index bigger = {calloc(bucket_count, sizeof(bedrock_index_entry *)), bucket_count,
                            index->count};
    if (bigger.buckets == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for the index of %zu scopes", index->count);
    }
    for (size_t i = 0; i < index->bucket_count; i++) {
        move_chain(&bigger, index->buckets[i]);
    }
    free((void *)index->buckets);
    *index = bigger;
    return FL_OK;
}

fl_status bedrock_index_add(bedrock_index *index, bedrock_index_entry *entry, uint64_t hash,
                            void *item, fl_err *err)
{
    if (index->count == index->bucket_count) {
        FL_TRY(grow(index, err));
    }
    entry->hash = hash;
    entry->item = item;
    entry->is_in = true;
    push(index, entry);
    index->count++;
    return FL_OK;
}

void bedrock_index_remove(bedrock_index *index, bedrock_index_entry *entry)
{
    if (!entry->is_in) {
        return;
    }
    if (entry->newer != NULL) {
        entry->newer->older = entry->older;
    } else {
        *bucket_of(index, entry->hash) = entry->older;
    }
    if (entry->older != NULL) {
        entry->older->newer = entry->newer;
    }
    entry->is_in = false;
    index->count--;
}

static bedrock_index_entry *of_hash(bedrock_index_entry *entry, uint64_t hash)
{
    while (entry != NULL && entry->hash != hash) {
        entry = entry->older;
    }
    return entry;
}

bedrock_index_entry *bedrock_index_find(const bedrock_index *index, uint64_t hash)
{
    return index->bucket_count != 0 ? of_hash(*bucket_of(index, hash), hash) : NULL;
}

bedrock_index_entry *bedrock_index_next(const bedrock_index_entry *entry)
{
    return of_hash(entry->older, entry->hash);
}

void bedrock_index_fini(bedrock_index *index)
{
    free((void *)index->buckets);
    *index = (bedrock_index){0};
}
