/*
 * Times and durations as people type and read them. Pure but for the time zone.
 */
#ifndef FL_CLI_TIMES_INT_H
#define FL_CLI_TIMES_INT_H

#include "base/base.h"

/*
 * "now"; "1h", "2d", "30m", "90s" before now; "2026-11-22", "2026-11-22T15:35", with seconds, a
 * fraction and a zone (Z, +02:00) if wanted, else local time; seconds since the epoch with a
 * fraction if wanted. False for anything else.
 */
FL_MUST bool fl_time_parse(fl_str text, int64_t now_ns, int64_t *out);

/* A range that options give, as fl_time_parse reads them. Errors: FL_E_INVALID. */
FL_MUST fl_status fl_time_range_parse(const char *since, const char *until, int64_t now_ns,
                                      int64_t *start_ns, int64_t *end_ns, fl_err *err);

/* "3 ns", "850 µs", "12.3 ms", "1.23 s", "2 m 03 s", "1 h 05 m", "3 d 04 h"; micro is the sign to
 * use. */
void fl_duration_text(fl_buf *out, int64_t ns, fl_str micro);

/* Local time: "2026-11-22 15:35:37" (with_date) or "15:35:37"; decimals 0 or 3. */
void fl_time_text(fl_buf *out, int64_t ns, bool with_date, int decimals);
/* "2026-11-22 15:35:37 to 2026-11-22 16:35:37" */
void fl_time_range_text(fl_buf *out, int64_t start_ns, int64_t end_ns);
/* Do both times fall on one local day? */
bool fl_time_same_day(int64_t a_ns, int64_t b_ns);

#endif
