/*
 * Terms on single values. What a field is called is said by fl_leaf.path (trace/shred.h); a value
 * can hold a term if it is of the term's type: texts for EQUAL … CONTAINS, integers and numbers for
 * RANGE. Ids and times are there, for PRESENT, but no texts or numbers here.
 */
#ifndef FL_STORE_PART_TERM_INT_H
#define FL_STORE_PART_TERM_INT_H

#include "store/store.h"

/* Keys are of annotations only. */
bool fl_term_has_key(const fl_store_term *term);
static inline bool fl_term_is_of_text(const fl_store_term *term)
{
    return term->op >= FL_TERM_EQUAL && term->op <= FL_TERM_CONTAINS;
}
bool fl_term_text_holds(const fl_store_term *term, fl_str text);
static inline bool fl_term_number_holds(const fl_store_term *term, double number)
{
    return number >= term->low && number <= term->high;
}
/* The same of a number as it was sent. */
bool fl_term_sent_number_holds(const fl_store_term *term, fl_str number);

/* Does a leaf of this path and kind say what the term asks for, so that only its value, if the term
 * asks for one, is left to be looked at? */
bool fl_term_leaf_fits(const fl_store_term *term, const fl_leaf *leaf);
static inline bool fl_term_asks_for_value(const fl_store_term *term)
{
    return fl_term_is_of_text(term) || term->op == FL_TERM_RANGE;
}

/* The terms that hold in a segment whose rows are no good (fl_shredder.keep_whole); slow. */
FL_MUST fl_status fl_term_match_whole(fl_str packed, const fl_store_term *terms, size_t count,
                                      uint64_t *held, fl_err *err);

#endif
