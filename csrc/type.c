/* Layout and interning of types. */
#include "type.h"

#include <assert.h>
#include <complex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static_assert(sizeof(void *) == sizeof(void (*)(void)), "code and data pointers are one type here");

const pytramp_type pytramp_type_void = {
    .spelling = "void", .alignment = 1, .class = PT_CLASS_VOID, .code = PT_TYPE_VOID};

#define PT_SCALAR(code_, symbol, spelling_, ctype, class_, format)                                 \
    const pytramp_type pytramp_type_##symbol = {.spelling = spelling_,                             \
                                                .size = sizeof(ctype),                             \
                                                .alignment = _Alignof(ctype),                      \
                                                .class = class_,                                   \
                                                .code = PT_TYPE_##code_};
#include "types.def"
#undef PT_SCALAR

#define BITS(n)                                                                                    \
    {.spelling = "bit-field",                                                                      \
     .size = n,                                                                                    \
     .alignment = 1,                                                                               \
     .class = PT_CLASS_UNSIGNED,                                                                   \
     .code = PT_TYPE_BITS}

const pytramp_type *pytramp_type_bits(size_t n) {
    static const pytramp_type bits[] = {BITS(1),  BITS(2),  BITS(3),  BITS(4),  BITS(5),  BITS(6),
                                        BITS(7),  BITS(8),  BITS(9),  BITS(10), BITS(11), BITS(12),
                                        BITS(13), BITS(14), BITS(15), BITS(16)};
    return n && n <= sizeof bits / sizeof *bits ? &bits[n - 1] : NULL;
}

static const pytramp_type *const scalars[] = {
    &pytramp_type_void,
#define PT_SCALAR(code, symbol, spelling, ctype, class, format) &pytramp_type_##symbol,
#include "types.def"
#undef PT_SCALAR
};

/* C allows both orders, "double _Complex" and "_Complex double". */
static int is_spelled(const char *known, const char *spelling) {
    static const char prefix[] = "_Complex ";
    size_t n = sizeof prefix - 1;
    if (!strcmp(known, spelling)) return 1;
    if (strncmp(spelling, prefix, n)) return 0;
    size_t rest = strlen(spelling + n);
    return !strncmp(known, spelling + n, rest) && !strcmp(known + rest, " _Complex");
}

const pytramp_type *pytramp_type_named(const char *spelling) {
    if (!spelling) return NULL;
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++) {
        if (is_spelled(scalars[i]->spelling, spelling)) return scalars[i];
    }
    return NULL;
}

const char *pytramp_type_spelling(const pytramp_type *type) {
    return type ? type->spelling : "";
}

size_t pytramp_type_size(const pytramp_type *type) {
    return type ? type->size : 0;
}

size_t pytramp_type_alignment(const pytramp_type *type) {
    return type ? type->alignment : 0;
}

static pt_set layouts;

static uint32_t hash_layout(const pytramp_type *type) {
    uint32_t hash = pt_hash_word(pt_hash_word(PT_HASH_SEED, type->size), type->alignment);
    hash = pt_hash_word(pt_hash_word(hash, type->natural), (uint64_t)type->is_union);
    for (size_t i = 0; i < type->nmembers; i++) {
        hash = pt_hash_word(hash, (uintptr_t)type->members[i].type);
        hash = pt_hash_word(hash, type->members[i].count);
        hash = pt_hash_word(hash, type->is_array[i]);
        hash = pt_hash_word(hash, type->members[i].offset);
    }
    return hash;
}

static int has_layout(const struct pt_node *node, const void *wanted) {
    const pytramp_type *a = pt_type_of(node), *b = wanted;
    if (a->size != b->size || a->alignment != b->alignment || a->natural != b->natural ||
        a->is_union != b->is_union || a->nmembers != b->nmembers)
        return 0;
    for (size_t i = 0; i < a->nmembers; i++) {
        if (a->members[i].type != b->members[i].type ||
            a->members[i].count != b->members[i].count || a->is_array[i] != b->is_array[i] ||
            a->members[i].offset != b->members[i].offset)
            return 0;
    }
    return 1;
}

static void discard(pytramp_type *type) {
    free((void *)type->members);
    free(type);
}

/* The one of its layout; takes over type. */
static const pytramp_type *intern(pytramp_type *type) {
    const pytramp_type *known =
        pt_type_of(pt_intern(&layouts, &type->node, hash_layout(type), has_layout, type));
    if (known != type) discard(type);
    return known;
}

static size_t elements(const pytramp_member *member) {
    return member->count == PYTRAMP_ARRAY_OF_ONE ? 1 : member->count;
}

static pytramp_status check_members(size_t n, const pytramp_member *members) {
    if (n && !members) return PYTRAMP_E_NULL;
    if (n > SIZE_MAX / (sizeof *members + 1)) return PYTRAMP_E_TOO_LARGE;
    for (size_t i = 0; i < n; i++) {
        const pytramp_type *type = members[i].type;
        if (!type) return PYTRAMP_E_NULL;
        if (type->class == PT_CLASS_VOID || !members[i].count) return PYTRAMP_E_TYPE;
        if (type->size && elements(&members[i]) > PTRDIFF_MAX / type->size)
            return PYTRAMP_E_TOO_LARGE;
    }
    return PYTRAMP_OK;
}

/* One step for the aggregate, one for each member of no size, which nobody walks into, and those of
 * all elements of the others. */
static size_t count_steps(size_t n, const pytramp_member *members) {
    size_t steps = 1;
    for (size_t i = 0; i < n; i++) {
        const pytramp_type *type = members[i].type;
        int is_walked = type->class == PT_CLASS_AGGREGATE && type->size;
        size_t each = is_walked ? type->steps : 1, count = type->size ? members[i].count : 1;
        if (count > (PT_MANY_STEPS - steps) / each) return PT_MANY_STEPS;
        steps += count * each;
    }
    return steps;
}

static unsigned count_depth(size_t n, const pytramp_member *members) {
    unsigned depth = 0;
    for (size_t i = 0; i < n; i++) {
        if (members[i].type->depth > depth) depth = members[i].type->depth;
    }
    return depth < PT_DEEP ? depth + 1 : PT_DEEP;
}

/* members as a type keeps them, with is_array behind them in the same block. */
static pytramp_member *copy_of(size_t n, const pytramp_member *members) {
    pytramp_member *copy = malloc(n ? n * (sizeof *copy + 1) : 1);
    if (!copy) return NULL;
    unsigned char *is_array = (unsigned char *)(copy + n);
    for (size_t i = 0; i < n; i++) {
        copy[i] = members[i];
        copy[i].count = elements(&members[i]);
        is_array[i] = members[i].count != 1;
    }
    return copy;
}

/* *type = an aggregate with a copy of members, not interned yet. */
static pytramp_status draft(pytramp_type **type, size_t n, const pytramp_member *members,
                            int is_union) {
    pytramp_status status = check_members(n, members);
    if (status) return status;
    pytramp_type *made = calloc(1, sizeof *made);
    pytramp_member *copy = copy_of(n, members);
    if (!made || !copy) {
        free(copy);
        free(made);
        return PYTRAMP_E_NO_MEMORY;
    }
    made->spelling = "aggregate";
    made->class = PT_CLASS_AGGREGATE;
    made->code = PT_TYPE_AGGREGATE;
    made->alignment = 1;
    made->is_union = is_union && n; /* of no members, both are nothing */
    made->nmembers = n;
    made->members = copy;
    made->is_array = (const unsigned char *)(copy + n);
    made->depth = count_depth(n, copy);
    made->steps = count_steps(n, copy);
    *type = made;
    return PYTRAMP_OK;
}

/* So much below PTRDIFF_MAX that rounding up to an alignment cannot wrap. */
#define MAX_SIZE      ((size_t)PTRDIFF_MAX / 2)
#define MAX_ALIGNMENT ((size_t)1 << 28)

/* C's layout: each member at the next multiple of its alignment, the whole rounded up to its own.
 */
static pytramp_status lay_out(pytramp_type *type, size_t pack) {
    pytramp_member *members = (pytramp_member *)type->members;
    for (size_t i = 0; i < type->nmembers; i++) {
        size_t alignment = members[i].type->alignment;
        if (pack && pack < alignment) alignment = pack;
        size_t bytes = members[i].type->size * members[i].count;
        members[i].offset = type->is_union ? 0 : pt_round_up(type->size, alignment);
        if (bytes > MAX_SIZE || members[i].offset > MAX_SIZE - bytes) return PYTRAMP_E_TOO_LARGE;
        size_t end = members[i].offset + bytes;
        if (end > type->size) type->size = end;
        if (alignment > type->alignment) type->alignment = alignment;
    }
    type->natural = type->alignment;
    type->size = pt_round_up(type->size, type->alignment);
    return type->size <= MAX_SIZE ? PYTRAMP_OK : PYTRAMP_E_TOO_LARGE;
}

static int is_power_of_two(size_t n) {
    return n && !(n & (n - 1));
}

static pytramp_status compose(const pytramp_type **out, size_t n, const pytramp_member *members,
                              size_t pack, int is_union) {
    if (!out) return PYTRAMP_E_NULL;
    if (pack && !is_power_of_two(pack)) return PYTRAMP_E_TYPE;
    pytramp_type *type;
    pytramp_status status = draft(&type, n, members, is_union);
    if (status) return status;
    status = lay_out(type, pack);
    if (status) {
        discard(type);
        return status;
    }
    *out = intern(type);
    return PYTRAMP_OK;
}

pytramp_status pytramp_type_struct(const pytramp_type **type, size_t nmembers,
                                   const pytramp_member *members, size_t pack) {
    return compose(type, nmembers, members, pack, 0);
}

pytramp_status pytramp_type_union(const pytramp_type **type, size_t nmembers,
                                  const pytramp_member *members, size_t pack) {
    return compose(type, nmembers, members, pack, 1);
}

/* No more than the members' types ask for: then it is theirs. More comes from an attribute, of a
 * member or of the whole, and nobody said which. */
static size_t guess_natural(size_t alignment, size_t n, const pytramp_member *members) {
    for (size_t i = 0; i < n; i++) {
        if (members[i].type->alignment >= alignment) return alignment;
    }
    return alignment > 1 ? 0 : alignment;
}

/* ---- Members at offsets that are known ----
 *
 * Conventions look at them in the order of their offsets, and at is_union: a caller need not give
 * the one, nor tell the other. */

struct placed {
    pytramp_member member;
    unsigned char is_array;
    size_t number; /* those of one offset stay as they came */
};

static int compare_placed(const void *left, const void *right) {
    const struct placed *a = left, *b = right;
    if (a->member.offset != b->member.offset) return a->member.offset < b->member.offset ? -1 : 1;
    return a->number < b->number ? -1 : 1;
}

static int is_in_order(const pytramp_type *type) {
    for (size_t i = 1; i < type->nmembers; i++) {
        if (type->members[i].offset < type->members[i - 1].offset) return 0;
    }
    return 1;
}

static pytramp_status put_in_order(pytramp_type *type) {
    size_t n = type->nmembers;
    pytramp_member *members = (pytramp_member *)type->members;
    unsigned char *is_array = (unsigned char *)type->is_array;
    if (is_in_order(type)) return PYTRAMP_OK;
    struct placed *all = calloc(n, sizeof *all);
    if (!all) return PYTRAMP_E_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        all[i] = (struct placed){members[i], is_array[i], i};
    qsort(all, n, sizeof *all, compare_placed);
    for (size_t i = 0; i < n; i++) {
        members[i] = all[i].member;
        is_array[i] = all[i].is_array;
    }
    free(all);
    return PYTRAMP_OK;
}

/* Does any share bytes with another one? Bit-fields do, and are none the less a struct's. */
static int has_overlap(const pytramp_type *type) {
    size_t end = 0, end_of_bits = 0;
    for (size_t i = 0; i < type->nmembers; i++) {
        const pytramp_member *member = &type->members[i];
        int is_bits = member->type->code == PT_TYPE_BITS;
        size_t size = member->type->size * member->count;
        if (!size) continue;
        if (member->offset < end || (!is_bits && member->offset < end_of_bits)) return 1;
        *(is_bits ? &end_of_bits : &end) = member->offset + size;
    }
    return 0;
}

static pytramp_status place_members(pytramp_type *type, size_t size) {
    for (size_t i = 0; i < type->nmembers; i++) {
        const pytramp_member *member = &type->members[i];
        size_t bytes = member->type->size * member->count;
        if (bytes > size || member->offset > size - bytes) return PYTRAMP_E_TYPE;
    }
    pytramp_status status = put_in_order(type);
    if (!status && has_overlap(type)) type->is_union = 1;
    return status;
}

static pytramp_status place(const pytramp_type **out, const pytramp_layout *layout) {
    size_t size = layout->size, alignment = layout->alignment, nmembers = layout->nmembers;
    const pytramp_member *members = layout->members;
    if (!out) return PYTRAMP_E_NULL;
    if (!is_power_of_two(alignment) || size % alignment) return PYTRAMP_E_TYPE;
    if (size > MAX_SIZE || alignment > MAX_ALIGNMENT) return PYTRAMP_E_TOO_LARGE;
    pytramp_type *type;
    pytramp_status status = draft(&type, nmembers, members, layout->is_union);
    if (status) return status;
    status = place_members(type, size);
    if (status) {
        discard(type);
        return status;
    }
    type->size = size;
    type->alignment = alignment;
    type->natural = layout->natural ? layout->natural : guess_natural(alignment, nmembers, members);
    *out = intern(type);
    return PYTRAMP_OK;
}

pytramp_status pytramp_type_layout(const pytramp_type **type, size_t size, size_t alignment,
                                   size_t nmembers, const pytramp_member *members) {
    return place(
        type, &(pytramp_layout){
                  .size = size, .alignment = alignment, .nmembers = nmembers, .members = members});
}

pytramp_status pytramp_type_layout_ex(const pytramp_type **type, const pytramp_layout *layout) {
    if (!layout) return PYTRAMP_E_NULL;
    size_t known = offsetof(pytramp_layout, members) + sizeof layout->members;
    if (layout->struct_size < known) return PYTRAMP_E_INVALID;
    size_t natural = layout->natural;
    if (natural && (!is_power_of_two(natural) || natural > layout->alignment))
        return PYTRAMP_E_TYPE;
    return place(type, layout);
}
