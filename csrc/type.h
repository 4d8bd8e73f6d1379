/* C types: scalars from types.def, structs and unions interned by layout.
 *
 * All types are immutable and immortal, so they are shared between threads without locks and two
 * types are equal exactly when their pointers are. */
#ifndef PT_TYPE_H
#define PT_TYPE_H

#include <stdint.h>

#include "config.h"
#include "pytramp.h"

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
    PT_TYPE_AGGREGATE
};

/* Who classifies a type by looking at every scalar in it may refuse one with so many: unions nested
 * in unions double the count at each level. */
#define PT_MANY_LEAVES ((size_t)1 << 20)

struct pytramp_type {
    const char *spelling;
    size_t size;
    size_t alignment;
    enum pt_class class;
    enum pt_type_code code;
    uint32_t hash; /* of the layout; 0 for scalars */
    size_t leaves; /* scalars within an aggregate, PT_MANY_LEAVES when there are more */
    size_t nmembers;
    const pytramp_member *members; /* ascending as declared, offsets filled in */
    const pytramp_type *next;      /* in its bucket of the intern table */
};

#endif
