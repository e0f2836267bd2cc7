/* Routing: exact paths in a hash table that is built once. */
#include "net/http_int.h"

#include <stdlib.h>

#define PATH_SEED UINT64_C(0x726f757465)

static size_t first_slot(const http_routes *routes, fl_str path)
{
    return (size_t)fl_hash64(path.p, path.n, PATH_SEED) & routes->mask;
}

bool http_routes_init(http_routes *routes, const fl_http_route *rows, size_t count)
{
    size_t slots = 4;
    while (slots < count * 2) { /* at most half full: probing ends */
        slots *= 2;
    }
    *routes = (http_routes){.rows = rows, .count = count, .mask = slots - 1};
    routes->slots = calloc(slots, sizeof *routes->slots);
    if (routes->slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        size_t slot = first_slot(routes, fl_str_of(rows[i].path));
        while (routes->slots[slot] != 0) {
            slot = (slot + 1) & routes->mask;
        }
        routes->slots[slot] = (uint32_t)(i + 1);
    }
    return true;
}

void http_routes_fini(http_routes *routes)
{
    free(routes->slots);
    *routes = (http_routes){0};
}

/* The next row of a path from *slot on; NULL at the end. */
static const fl_http_route *next_of_path(const http_routes *routes, fl_str path, size_t *slot)
{
    while (routes->slots[*slot] != 0) {
        const fl_http_route *row = &routes->rows[routes->slots[*slot] - 1];
        *slot = (*slot + 1) & routes->mask;
        if (fl_str_eq(fl_str_of(row->path), path)) {
            return row;
        }
    }
    return NULL;
}

const fl_http_route *http_routes_find(const http_routes *routes, fl_str method, fl_str path,
                                      bool *path_known)
{
    fl_str wanted = fl_str_eq(method, FL_S("HEAD")) ? FL_S("GET") : method;
    size_t slot = first_slot(routes, path);
    const fl_http_route *row;
    *path_known = false;
    while ((row = next_of_path(routes, path, &slot)) != NULL) {
        *path_known = true;
        if (fl_str_eq(fl_str_of(row->method), wanted)) {
            return row;
        }
    }
    return NULL;
}

fl_str http_routes_allow(const http_routes *routes, fl_str path, fl_arena *arena)
{
    const size_t max = 128;
    char *text = fl_arena_alloc(arena, max);
    if (text == NULL) {
        return (fl_str){0};
    }
    size_t n = 0;
    size_t slot = first_slot(routes, path);
    const fl_http_route *row;
    while ((row = next_of_path(routes, path, &slot)) != NULL) {
        fl_str method = fl_str_of(row->method);
        fl_str more = fl_str_eq(method, FL_S("GET")) ? FL_S("GET, HEAD") : method;
        if (more.n + 2 > max - n) {
            break;
        }
        if (n > 0) {
            memcpy(text + n, ", ", 2);
            n += 2;
        }
        memcpy(text + n, more.p, more.n);
        n += more.n;
    }
    return (fl_str){text, n};
}
