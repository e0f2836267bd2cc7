#include "unit/cli/cli_fixture.h"

#include "cli/table_int.h"

enum { NAME, URL, USER, ID, COLUMNS };
static const fl_column columns[COLUMNS] = {
    [NAME] = {.title = "NAME"},
    [URL] = {.title = "URL", .min = 20},
    [USER] = {.title = "USER", .right = true, .drop_rank = 1},
    [ID] = {.title = "ID"},
};

#define URL_TEXT "https://shop.example/items/sku-1000/reviews"
#define ID_TEXT  "1-67a1b2c0-0a1b2c3d4e5f60718293a4b5"

static void draw(unsigned width, fl_buf *out)
{
    const fl_cell cells[2 * COLUMNS] = {
        {.text = FL_S("web")},   {.text = FL_S(URL_TEXT)}, {.text = FL_S("李雷")},
        {.text = FL_S(ID_TEXT)}, {.text = FL_S("b")},      {.text = FL_S("/")},
        {.text = FL_S("x")},     {.text = FL_S(ID_TEXT)},
    };
    fl_screen screen = fixture_screen(out, width);
    fl_table_draw(&screen, columns, COLUMNS, cells, 2);
}

static void expect_lines_within(fl_str text, unsigned width)
{
    fl_buf unused;
    fl_screen screen = fixture_screen(&unused, width);
    while (text.n > 0) {
        assert_true(fl_screen_columns(&screen, fl_str_cut(&text, '\n')) <= width);
    }
    fl_buf_fini(&unused);
}

static void everything_shows_where_there_is_room(void **state)
{
    (void)state;
    static const unsigned widths[] = {0, 200, 120};
    for (size_t i = 0; i < 3; i++) {
        fl_buf out;
        draw(widths[i], &out);
        assert_str(fl_buf_str(&out),
                   "NAME  URL                                          USER  ID\n"
                   "web   " URL_TEXT "  李雷  " ID_TEXT "\n"
                   "b     /                                               x  " ID_TEXT "\n");
        fl_buf_fini(&out);
    }
}

static void long_texts_are_narrowed_before_columns_go(void **state)
{
    (void)state;
    fl_buf out;
    draw(80, &out);
    expect_lines_within(fl_buf_str(&out), 80);
    assert_non_null(memmem(out.p, out.n, "https://shop.example/items/sku…  李雷",
                           strlen("https://shop.example/items/sku…  李雷")));
    fl_buf_fini(&out);
}

static void a_column_that_can_go_goes_before_others_lose_their_use(void **state)
{
    (void)state;
    fl_buf out;
    draw(66, &out);
    expect_lines_within(fl_buf_str(&out), 66);
    assert_null(memmem(out.p, out.n, "USER", 4));
    assert_non_null(
        memmem(out.p, out.n, "https://shop.example/i…", strlen("https://shop.example/i…")));
    fl_buf_fini(&out);
}

static void ids_are_never_cut(void **state)
{
    (void)state;
    for (unsigned width = 43; width <= 120; width++) {
        fl_buf out;
        draw(width, &out);
        expect_lines_within(fl_buf_str(&out), width);
        assert_non_null(memmem(out.p, out.n, ID_TEXT, strlen(ID_TEXT)));
        fl_buf_fini(&out);
    }
}

static void a_column_without_content_is_left_out(void **state)
{
    (void)state;
    const fl_cell cells[COLUMNS] = {{.text = FL_S("web")}, {0}, {0}, {.text = FL_S("1")}};
    fl_buf out;
    fl_screen screen = fixture_screen(&out, 80);
    fl_table_draw(&screen, columns, COLUMNS, cells, 1);
    assert_str(fl_buf_str(&out), "NAME  ID\nweb   1\n");
    fl_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_shows_where_there_is_room),
        cmocka_unit_test(long_texts_are_narrowed_before_columns_go),
        cmocka_unit_test(a_column_that_can_go_goes_before_others_lose_their_use),
        cmocka_unit_test(ids_are_never_cut),
        cmocka_unit_test(a_column_without_content_is_left_out),
    };
    return cmocka_run_group_tests(tests, fixture_setup, NULL);
}
