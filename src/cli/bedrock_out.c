#include "cli/bedrock_out_int.h"

#include "cli/bedrock_report_int.h"
#include "cli/cli_int.h"

#define TEXT_BYTES     ((size_t)64 << 10) /* that wait for standard output at most */
#define TEXT_BYTES_MAX ((size_t)1 << 30)  /* one table, one document */
#define REFUSALS_TOLD  20
#define TAG_TEXT       0 /* a segment's id is never 0 */

static void take_refusal(void *user, const fl_refusal *refusal)
{
    fl_import_out *out = user;
    out->refused++;
    if (out->refused > REFUSALS_TOLD) {
        return;
    }
    FL_AUTO(fl_buf) line;
    fl_buf_init(&line, 4096);
    fl_buf_add_str(&line, FL_S("fluoro: segment "));
    fl_buf_add_str(&line, refusal->id.p != NULL ? fl_str_clip(refusal->id, 64) : FL_S("?"));
    fl_buf_add_str(&line, FL_S(" was not taken: "));
    fl_buf_add_str(&line, fl_str_clip(refusal->message, 400));
    if (refusal->code.n > 0) {
        fl_buf_add_str(&line, FL_S(" ("));
        fl_buf_add_str(&line, fl_str_clip(refusal->code, 64));
        fl_buf_add_byte(&line, ')');
    }
    fl_import_tell(fl_buf_str(&line));
}

void fl_import_out_init(fl_import_out *out, bool spools)
{
    *out = (fl_import_out){.spools = spools};
    fl_spool_init(&out->spool);
    fl_buf_init(&out->text, TEXT_BYTES_MAX);
}

void fl_import_out_send_by(fl_import_out *out, fl_sender *sender)
{
    out->sender = sender;
    if (sender != NULL) {
        fl_sender_on_refusal(sender, take_refusal, out);
    }
}

void fl_import_out_fini(fl_import_out *out)
{
    fl_sender_free(out->sender);
    fl_spool_fini(&out->spool);
    fl_buf_fini(&out->text);
}

static fl_status flush_text(fl_import_out *out, fl_err *err)
{
    FL_TRY(fl_cli_print(fl_buf_str(&out->text), err));
    fl_buf_reset(&out->text);
    return FL_OK;
}

static fl_status print(fl_import_out *out, fl_str lines, fl_str end, fl_err *err)
{
    fl_buf_add_str(&out->text, lines);
    fl_buf_add_str(&out->text, end);
    if (out->text.status != FL_OK) {
        FL_FAIL(err, out->text.status, "no memory for what is to be printed");
    }
    return out->text.n >= TEXT_BYTES ? flush_text(out, err) : FL_OK;
}

fl_status fl_import_out_document(fl_import_out *out, uint64_t id, fl_str document, fl_err *err)
{
    out->documents++;
    if (out->nowhere) {
        return FL_OK;
    }
    if (out->spools) {
        return fl_spool_add(&out->spool, id, document, err);
    }
    return out->sender != NULL ? fl_sender_send(out->sender, id, document, err)
                               : print(out, document, FL_S("\n"), err);
}

fl_status fl_import_out_text(fl_import_out *out, fl_str lines, fl_err *err)
{
    return out->spools ? fl_spool_add(&out->spool, TAG_TEXT, lines, err)
                       : print(out, lines, FL_S(""), err);
}

fl_status fl_import_out_flush(fl_import_out *out, fl_err *err)
{
    FL_TRY(flush_text(out, err));
    return out->sender != NULL && !out->spools ? fl_sender_flush(out->sender, err) : FL_OK;
}

static fl_status let_go(void *user, const fl_spooled *record, fl_err *err)
{
    fl_import_out *out = user;
    if (record->tag == TAG_TEXT) {
        return print(out, record->bytes, FL_S(""), err);
    }
    return out->sender != NULL ? fl_sender_send(out->sender, record->tag, record->bytes, err)
                               : print(out, record->bytes, FL_S("\n"), err);
}

fl_status fl_import_out_release(fl_import_out *out, fl_err *err)
{
    if (out->spools) {
        out->spools = false;
        FL_TRY(fl_spool_each(&out->spool, let_go, out, err));
    }
    return fl_import_out_flush(out, err);
}
