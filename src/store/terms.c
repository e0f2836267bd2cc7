#include "store/store.h"

bool fl_store_terms_hold(const fl_store_term *terms, size_t count, uint64_t held)
{
    bool one_holds = false;
    for (size_t i = 0; i < count; i++) {
        one_holds = one_holds || (held >> i & 1) != 0;
        if (terms[i].or_next && i + 1 < count) {
            continue;
        }
        if (!one_holds) {
            return false;
        }
        one_holds = false;
    }
    return true;
}
