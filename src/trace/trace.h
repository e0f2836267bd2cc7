/*
 * trace: segment documents, trace ids and headers, and the trace assembled from them.
 * Pure: bytes and time go in, values come out. One page for each part:
 *
 *   id.h        trace ids, segment ids, trace time (segments.md §2, trace-model.md §3)
 *   header.h    the trace header in all its carriers (segments.md §15)
 *   segment.h   a document decoded, validated, emitted, packed (segments.md §1–§9, §12)
 *   shred.h     a packed segment taken apart into rows of values and joined again
 * (docs/format/part.md) assemble.h  records of one trace → linked entities, inferred segments,
 * compiled documents (trace-model.md §3, §4) summary.h   an assembled trace → what
 * GetTraceSummaries tells of it (trace-model.md §5) genai.h     what models and tools were used
 * for, and what it cost (bedrock.md §4)
 */
#ifndef FL_TRACE_H
#define FL_TRACE_H

#include "trace/assemble.h"
#include "trace/genai.h"
#include "trace/header.h"
#include "trace/id.h"
#include "trace/segment.h"
#include "trace/shred.h"
#include "trace/summary.h"

#endif
