/* Growth: one more page pair, by the first step that works, checked before anyone uses it. */
#ifndef PT_GROWTH_H
#define PT_GROWTH_H

#include "pages.h"

/* *pair as pt_pages_pair gives it, its bytes compared and two of its stubs run; *step_bit names the
 * step. The caller holds the growth lock. PYTRAMP_E_NO_CODE with the reasons kept for
 * pytramp_growth_error. */
PT_HIDDEN pytramp_status pt_growth_make_pair(struct pt_pair *pair, unsigned *step_bit);

/* Has its code the bytes of the template? Where slots are functions, there is none. */
PT_HIDDEN int pt_growth_is_copy(const struct pt_pair *pair);

/* size bytes of zeroed memory for what a pair needs beside it; NULL with the reason kept. */
PT_HIDDEN void *pt_growth_make_records(size_t size);

/* One thread grows at a time. PYTRAMP_E_BUSY: this thread does already, so this is its signal
 * handler. */
PT_HIDDEN pytramp_status pt_growth_lock(void);
PT_HIDDEN void pt_growth_unlock(void);

#endif
