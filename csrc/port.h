/* The seam of the CPU: what an arch/<cpu>/ directory exports besides its stubs (stubs.h). */
#ifndef PT_PORT_H
#define PT_PORT_H

#include <stdarg.h>

#include "signature.h"

struct pt_frame;

struct pt_port {
    const char *cpu;
    const struct pt_abi *const *abis; /* those that closures can have here, NULL after the last;
                                         PYTRAMP_ABI_DEFAULT is the first of pt_port */
    const struct pt_port *next;       /* conventions with entries or places of their own, or NULL */
    /* Where the entry saved a part of an argument, in bytes from the start of struct pt_frame. */
    uint32_t (*argument_at)(const struct pt_part *part);
    /* Where the entry loads a part of the result from. */
    uint32_t (*result_at)(const struct pt_part *part);
    /* The entry that saves and loads what this signature needs, and not more. */
    void (*(*entry)(const pytramp_signature *signature))(void);
    /* What a parameter of type va_list is to the ABI, and the list that such an argument holds. */
    const pytramp_type *list_type;
    void (*list_copy)(va_list *to, const void *argument);
    /* va_start: the arguments behind the named ones of a variadic call. NULL where the
     * convention's va_list is not this compiler's: then there are no variadic closures. */
    void (*list_start)(va_list *to, const pytramp_signature *signature, struct pt_frame *frame);
    /* va_arg of a struct or union; the compiler's own is for types that it knows. */
    pytramp_status (*list_aggregate)(va_list *list, const pytramp_type *type, void *to);
};

PT_HIDDEN extern const struct pt_port pt_port;

/* The one that has this convention, NULL for none. */
PT_HIDDEN const struct pt_port *pt_port_of(const struct pt_abi *abi);

/* ---- What ports have in common ---- */

/* Of a value's parts, how many are in this bank? Is any value of the signature in it? */
PT_HIDDEN unsigned pt_count_parts(const struct pt_location *at, enum pt_bank bank);
PT_HIDDEN int pt_uses_bank(const pytramp_signature *signature, enum pt_bank bank);

/* Where type is passed as the only argument, while there are registers. */
PT_HIDDEN pytramp_status pt_classify_alone(const struct pt_abi *abi, const pytramp_type *type,
                                           int variadic, struct pt_location *at);

/* list_copy where a va_list is passed as it is; and where it is an array, which decays: the
 * argument is the address of one. */
PT_HIDDEN void pt_list_copy(va_list *to, const void *argument);
PT_HIDDEN void pt_list_copy_decayed(va_list *to, const void *argument);

/* The next value of a va_list that is an address and goes from doubleword to doubleword, except for
 * what is aligned to more. */
PT_HIDDEN const void *pt_list_next(va_list *list, size_t size, size_t alignment);

#endif
