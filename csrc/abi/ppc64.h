/* What the port needs to know of the parameter save area besides places: where the variable
 * arguments of a call are. */
#ifndef PT_ABI_PPC64_H
#define PT_ABI_PPC64_H

#include "abi.h"

/* The bytes of the parameter save area that arguments of these types take, in registers or not. */
PT_HIDDEN size_t pt_ppc64_area(const struct pt_abi *abi, const struct pt_prototype *prototype);

/* Where the bytes of an aggregate are that comes next at `at`; *end: where it ends. */
PT_HIDDEN size_t pt_ppc64_aggregate(const struct pt_abi *abi, const pytramp_type *type, size_t at,
                                    size_t *end);

#endif
