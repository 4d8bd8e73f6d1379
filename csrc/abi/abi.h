/* The seam of the calling conventions: where each value of a signature lives.
 *
 * An abi/<name>.c is a pure function from types to places: no register is touched, so every
 * convention is compiled, explained and tested on every machine. No macro of the host is asked but
 * its byte order, by those whose CPUs have either. */
#ifndef PT_ABI_H
#define PT_ABI_H

#include "../model.h"
#include "../type.h"

/* Registers are numbered in the order in which the convention hands them out; those that it never
 * hands out for arguments come behind. */
enum pt_bank { PT_BANK_GENERAL, PT_BANK_VECTOR, PT_BANK_X87, PT_BANK_STACK };

/* One part of a value: size bytes at offset, in a register or at `stack` in the argument area. */
struct pt_part {
    enum pt_bank bank;
    uint8_t index;
    uint8_t within; /* bytes of the register, as it is saved, before the part: where a big-endian
                       convention puts small values at the register's end */
    uint32_t offset;
    uint32_t size;
    uint32_t stack;
};

struct pt_location {
    uint8_t nparts;       /* 0: nothing is passed (void, an empty struct) */
    uint8_t by_reference; /* the one part holds the value's address */
    struct pt_part parts[PYTRAMP_MAX_PLACES];
};

/* A C function type, before anything is known of its places. */
struct pt_prototype {
    const pytramp_type *result;
    size_t nargs;
    const pytramp_type *const *args;
    int variadic; /* more arguments follow, of which only the caller knows */
};

struct pt_abi {
    const char *name;
    pytramp_abi code;
    struct pt_model model; /* of the machines that it belongs to */
    /* Results of 32 bits are extended by their sign, unsigned ones too. */
    int sign_extends_words;
    /* A float that is narrower than its register has ones above it: a NaN to whoever reads more. */
    int boxes_floats;
    /* Fills *result_at and at[0..nargs-1]; *stack_size with the bytes of memory arguments.
     * PYTRAMP_E_TYPE where the convention cannot pass a type, PYTRAMP_E_TOO_LARGE. */
    pytramp_status (*classify)(const struct pt_prototype *prototype, struct pt_location *result_at,
                               struct pt_location *at, uint32_t *stack_size);
    /* The name of a register that holds an argument, or the result. */
    const char *(*register_name)(const struct pt_part *part, int is_result);
};

/* Every convention, on every machine: list.def. */
#define PT_ABI(name) PT_HIDDEN extern const struct pt_abi pt_abi_##name;
#include "list.def"
#undef PT_ABI

#endif
