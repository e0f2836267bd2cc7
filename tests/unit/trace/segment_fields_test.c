#include "support/test.h"
#include "trace/segment_fields_int.h"

static const fl_field *begin(fl_block_id id)
{
    return fl_blocks[id].fields;
}

static const fl_field *end(fl_block_id id)
{
    return fl_blocks[id].fields + fl_blocks[id].field_count;
}

static bool has_key(const fl_field *field)
{
    return field->key_len != 0;
}

static int find(fl_block_id id, const char *key)
{
    char padded[64] = {0}; /* as fl_json_read leaves room behind a key */
    memcpy(padded, key, strlen(key));
    return fl_block_find(&fl_blocks[id], (fl_str){padded, strlen(key)});
}

static void every_key_is_found_in_its_block(void **state)
{
    (void)state;
    for (fl_block_id id = 0; id < FL_BLOCK_COUNT; id++) {
        for (const fl_field *field = begin(id); field < end(id); field++) {
            if (has_key(field)) {
                assert_int_equal(find(id, field->key), field - begin(id));
                assert_int_equal(strlen(field->key), field->key_len);
                assert_int_equal(field->quoted[0], '"');
                assert_memory_equal(field->quoted + 1, field->key, field->key_len);
                assert_string_equal(field->quoted + 1 + field->key_len, "\":");
            }
        }
    }
}

/* Every change of one character, and every length but the own, is another key. */
static void a_key_that_differs_in_one_character_is_not_found(void **state)
{
    (void)state;
    for (fl_block_id id = 0; id < FL_BLOCK_COUNT; id++) {
        for (const fl_field *field = begin(id); field < end(id); field++) {
            for (size_t i = 0; i < field->key_len; i++) {
                char changed[FL_KEY_MAX + 1];
                memcpy(changed, field->key, sizeof changed);
                changed[i] = '!';
                assert_int_equal(find(id, changed), -1);
                changed[i] = '\0';
                assert_int_not_equal(find(id, changed), field - begin(id));
            }
        }
    }
    assert_int_equal(find(FL_BLOCK_SEGMENT, ""), -1);
    assert_int_equal(find(FL_BLOCK_SEGMENT, "names"), -1);
}

static void every_tag_leads_back_to_its_row(void **state)
{
    (void)state;
    for (fl_block_id id = 0; id < FL_BLOCK_COUNT; id++) {
        for (const fl_field *field = begin(id); field < end(id); field++) {
            if (field->kind == FL_KIND_IGNORED) {
                assert_int_equal(field->tag, 0);
            } else {
                assert_in_range(field->tag, 1, fl_blocks[id].tag_max);
                assert_int_equal(fl_blocks[id].by_tag[field->tag] - 1, field - begin(id));
            }
        }
    }
}

/* What the packed form needs of the order of rows: a time before what is relative to it, and what
 * embedded subsegments have from their owner before them. */
static void rows_stand_before_those_that_need_them(void **state)
{
    (void)state;
    assert_true(FL_ROW_start_time < FL_ROW_end_time);
    assert_true(FL_ROW_start_time < FL_ROW_subsegments);
    assert_true(FL_ROW_id < FL_ROW_subsegments);
    assert_true(FL_ROW_name < FL_ROW_subsegments);
    assert_true(FL_ROW_trace_id < FL_ROW_subsegments);
}

static void a_blank_struct_has_no_member(void **state)
{
    (void)state;
    fl_arena arena;
    fl_arena_init(&arena, 1 << 20);
    for (fl_block_id id = 0; id < FL_BLOCK_COUNT; id++) {
        void *base = fl_block_new(&arena, &fl_blocks[id]);
        assert_non_null(base);
        assert_int_equal(fl_blocks[id].present(base), 0);
    }
    fl_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_found_in_its_block),
        cmocka_unit_test(a_key_that_differs_in_one_character_is_not_found),
        cmocka_unit_test(every_tag_leads_back_to_its_row),
        cmocka_unit_test(rows_stand_before_those_that_need_them),
        cmocka_unit_test(a_blank_struct_has_no_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
