#include "trace/assemble_int.h"

/* What nesting says already is not repeated in a nested subsegment, whether it came embedded or
 * alone. */
static void emit_nested_members(const fl_segment *segment, fl_buf *out)
{
    fl_segment nested = *segment;
    nested.trace_id = (fl_trace_id){0};
    nested.parent_id = 0;
    nested.is_subsegment = false;
    fl_segment_emit_members(&nested, out);
}

static void open_entity(const fl_entity *entity, fl_buf *out)
{
    fl_buf_add_byte(out, '{');
    if (entity->parent != NULL) {
        emit_nested_members(entity->segment, out);
    } else {
        fl_segment_emit_members(entity->segment, out);
    }
    if (entity->inferred) {
        fl_buf_add_str(out, FL_S(",\"inferred\":true"));
    }
    if (entity->first_child != NULL) {
        fl_buf_add_str(out, FL_S(",\"subsegments\":["));
    }
}

/* Subsegments that came alone may form a chain of any length, so this goes up by parent, not by
 * return. */
void fl_entity_emit(const fl_entity *top, fl_buf *out)
{
    const fl_entity *entity = top;
    open_entity(entity, out);
    for (;;) {
        if (entity->first_child != NULL) {
            entity = entity->first_child;
            open_entity(entity, out);
            continue;
        }
        fl_buf_add_byte(out, '}');
        while (entity != top && entity->next_sibling == NULL) {
            entity = entity->parent;
            fl_buf_add_str(out, FL_S("]}"));
        }
        if (entity == top) {
            return;
        }
        entity = entity->next_sibling;
        fl_buf_add_byte(out, ',');
        open_entity(entity, out);
    }
}
