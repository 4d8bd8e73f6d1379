/* Signatures: a result, arguments, a calling convention, and where it puts each of them. */
#ifndef PT_SIGNATURE_H
#define PT_SIGNATURE_H

#include <stdatomic.h>

#include "abi/abi.h"

struct pt_plan;

struct pytramp_signature {
    struct pt_node node; /* among all of them; first */
    const struct pt_abi *abi;
    const pytramp_type *result;
    size_t nargs;
    int variadic;
    uint32_t stack_size;                /* bytes of memory arguments */
    const struct pt_plan *_Atomic plan; /* marshal.c makes it when it is first needed */
    struct pt_location result_at;
    const struct pt_location *at;
    const pytramp_type *args[];
};

/* Writes "int (int, double)" as snprintf does. */
PT_HIDDEN size_t pt_signature_text(const pytramp_signature *signature, char *text, size_t size);

#endif
