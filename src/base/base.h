/*
 * base: what every module stands on. Each part has a page of its own:
 *
 *   status.h  status codes, their class at each edge, error details, FL_TRY and FL_FAIL
 *   text.h    fl_str (borrowed bytes), fl_buf (bounded growing buffer), fl_cur (bounded reader)
 *   arena.h   memory by lifetime
 *   budget.h  a bound in bytes that threads share
 *   clock.h   wall and monotonic time that a test can replace
 *   fs.h      the file calls that a test can replace or make fail
 *   log.h     structured, rate-limited log lines
 *   metric.h  counters and histograms, described by tables
 */
#ifndef FL_BASE_H
#define FL_BASE_H

#include "base/arena.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/status.h"
#include "base/text.h"

#endif
