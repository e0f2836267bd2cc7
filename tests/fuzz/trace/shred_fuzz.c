/*
 * Any bytes as a packed segment: what is taken apart is joined to the same bytes. Any bytes as a
 * shape: told or refused, and joined with values of nothing.
 */
#include <stdlib.h>

#include "trace/shred.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static bool any_leaf(void *user, const fl_leaf *leaf)
{
    (void)user;
    return leaf->path.n != 0;
}

static void join(const fl_shredder *shredder, fl_str packed)
{
    fl_joiner joiner;
    fl_buf out;
    fl_buf_init(&out, SIZE_MAX);
    fl_join_begin(&joiner, &out, shredder->trace_id);
    for (uint32_t i = 0; i < shredder->row_count; i++) {
        const fl_shred_row *row = &shredder->rows[i];
        if (fl_shape_read(row->shape, any_leaf, NULL) != FL_OK ||
            fl_join_row(&joiner, row->shape, row->values, row->value_count) != FL_OK) {
            abort();
        }
    }
    if (!fl_join_is_whole(&joiner) || !fl_str_eq(fl_buf_str(&out), packed)) {
        abort();
    }
    fl_buf_fini(&out);
}

static void read_shape(fl_str shape)
{
    static const fl_value values[8] = {{.text = {"v", 1}}};
    fl_joiner joiner;
    fl_buf out;
    fl_buf_init(&out, (size_t)1 << 20);
    fl_join_begin(&joiner, &out, (fl_trace_id){1, 2});
    (void)!fl_shape_read(shape, any_leaf, NULL);
    (void)!fl_join_row(&joiner, shape, values, 1);
    fl_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fl_shredder shredder = {0};
    fl_str text = {(const char *)bytes, n};
    if (fl_shred(&shredder, text, NULL) == FL_OK && !shredder.keep_whole) {
        join(&shredder, text);
    }
    read_shape(text);
    fl_shredder_fini(&shredder);
    return 0;
}
