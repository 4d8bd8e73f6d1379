#include "port.h"

#include <string.h>

#define DOUBLEWORD 8

static int has(const struct pt_port *port, const struct pt_abi *wanted) {
    for (const struct pt_abi *const *abi = port->abis; *abi; abi++) {
        if (*abi == wanted) return 1;
    }
    return 0;
}

const struct pt_port *pt_port_of(const struct pt_abi *abi) {
    const struct pt_port *port = &pt_port;
    while (port && !has(port, abi))
        port = port->next;
    return port;
}

/* ---- For the ports themselves ---- */

unsigned pt_count_parts(const struct pt_location *at, enum pt_bank bank) {
    unsigned n = 0;
    for (unsigned i = 0; i < at->nparts; i++)
        n += at->parts[i].bank == bank;
    return n;
}

int pt_uses_bank(const pytramp_signature *signature, enum pt_bank bank) {
    unsigned n = pt_count_parts(&signature->result_at, bank);
    for (size_t i = 0; i < signature->nargs && !n; i++)
        n = pt_count_parts(&signature->at[i], bank);
    return n > 0;
}

pytramp_status pt_classify_alone(const struct pt_abi *abi, const pytramp_type *type, int variadic,
                                 struct pt_location *at) {
    const struct pt_prototype alone = {&pytramp_type_void, 1, &type, variadic};
    struct pt_location nowhere;
    uint32_t stack_size;
    return abi->classify(&alone, &nowhere, at, &stack_size);
}

void pt_list_copy(va_list *to, const void *argument) {
    memcpy(to, argument, sizeof *to);
}

void pt_list_copy_decayed(va_list *to, const void *argument) {
    const void *from;
    memcpy(&from, argument, sizeof from);
    memcpy(to, from, sizeof *to);
}

const void *pt_list_next(va_list *list, size_t size, size_t alignment) {
    uintptr_t next;
    memcpy(&next, list, sizeof next);
    uintptr_t at = pt_round_up(next, alignment > DOUBLEWORD ? alignment : DOUBLEWORD);
    next = at + pt_round_up(size, DOUBLEWORD);
    memcpy(list, &next, sizeof next);
    return (const void *)at;
}
