/* Data models: how large C's types are where another convention is at home. */
#ifndef PT_MODEL_H
#define PT_MODEL_H

#include "type.h"

/* What differs between the machines that pytramp knows; all else has one size. In bytes. */
struct pt_model {
    uint8_t longs; /* long */
    uint8_t pointers;
    uint8_t wchars;
    uint8_t long_doubles;
    uint8_t long_double_alignment;
    uint8_t int128_alignment;     /* 0: there is no __int128 */
    uint8_t eight_byte_alignment; /* of long long and double in a struct */
};

/* *there = type as a compiler for that model has it: itself where nothing differs. An aggregate is
 * laid out again; PYTRAMP_E_TYPE where that cannot be done, because its layout is none that follows
 * from its members (packed, bit-fields), or where the model has no such type. */
PT_HIDDEN pytramp_status pt_model_type(const struct pt_model *model, const pytramp_type *type,
                                       const pytramp_type **there);

#endif
