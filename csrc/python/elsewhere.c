/* What can be said of another machine's convention. */
#include "../port.h"
#include "objects.h"

static int has_bit_fields(const pytramp_type *type) {
    for (size_t i = 0; i < type->nmembers; i++)
        if (type->members[i].type->code == PT_TYPE_BITS || has_bit_fields(type->members[i].type))
            return 1;
    return 0;
}

/* Compilers lay bit-fields out by how they were declared, which a layout does not tell. */
int pt_is_a_guess(const pytramp_signature *signature, const pytramp_type *type) {
    return !pt_port_of(signature->abi) && has_bit_fields(type);
}
