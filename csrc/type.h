/* C types: scalars from types.def, structs and unions interned by layout.
 *
 * All types are immutable and immortal, so they are shared between threads without locks and two
 * types are equal exactly when their pointers are. */
#ifndef PT_TYPE_H
#define PT_TYPE_H

#include <assert.h>
#include <stdint.h>

#include "config.h"
#include "include/pytramp.h"
#include "intern.h"

/* _Float16 by its bits: not every compiler that builds the core has the type. */
typedef uint16_t pt_float16;

/* What kind of value a type holds; with its size this decides every register class and converter.
 */
enum pt_class {
    PT_CLASS_VOID,
    PT_CLASS_BOOL,
    PT_CLASS_CHARACTER, /* an integer that Python sees as a string of length 1 */
    PT_CLASS_SIGNED,
    PT_CLASS_UNSIGNED,
    PT_CLASS_FLOAT,
    PT_CLASS_COMPLEX,
    PT_CLASS_POINTER,
    PT_CLASS_AGGREGATE
};

enum pt_type_code {
    PT_TYPE_VOID,
#define PT_SCALAR(code, symbol, spelling, ctype, class, format) PT_TYPE_##code,
#include "types.def"
#undef PT_SCALAR
    PT_TYPE_BITS, /* a bit-field, as a member */
    PT_TYPE_AGGREGATE
};

/* Who classifies a type by a walk over all that is in it may refuse one that takes so many steps
 * (unions nested in unions double them at each level), or that is nested so deeply (the walk is
 * recursive; C compilers need not take more than 63 levels). */
#define PT_MANY_STEPS ((size_t)1 << 12)
#define PT_DEEP       256

struct pytramp_type {
    struct pt_node node; /* among the aggregates, or a model's own scalars; first, for pt_type_of */
    const char *spelling;
    size_t size;
    size_t alignment;
    size_t natural; /* of aggregates: see pytramp_layout; 0 where it is not known */
    enum pt_class class;
    enum pt_type_code code;
    unsigned depth; /* of aggregates in aggregates, up to PT_DEEP; 0 for scalars */
    size_t steps;   /* of a walk over all elements of all members, up to PT_MANY_STEPS */
    int is_union;   /* to some conventions even one of a single member is no struct */
    size_t nmembers;
    const pytramp_member *members; /* by offset; those of one as declared */
    const unsigned char *is_array; /* by member; of one element, too: see PYTRAMP_ARRAY_OF_ONE */
    const void *reserved[4];       /* for later ones */
};

/* The linker copies pytramp_type_int and the like into programs that name them (copy relocations):
 * those know this size. */
static_assert(sizeof(struct pytramp_type) == (sizeof(void *) == 8 ? 160 : 84), "it is ABI");

static inline const pytramp_type *pt_type_of(const struct pt_node *node) {
    return (const pytramp_type *)node;
}

/* To the next multiple of alignment, a power of two. */
static inline size_t pt_round_up(size_t n, size_t alignment) {
    return (n + alignment - 1) & ~(alignment - 1);
}

/* Member i of an aggregate as it was given. */
static inline pytramp_member pt_type_member(const pytramp_type *type, size_t i) {
    pytramp_member member = type->members[i];
    if (type->is_array[i] && member.count == 1) member.count = PYTRAMP_ARRAY_OF_ONE;
    return member;
}

#endif
