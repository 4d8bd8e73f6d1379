#include "model.h"

#include <stdlib.h>

/* ---- Scalars ---- */

static size_t size_of(const struct pt_model *model, const pytramp_type *type) {
    switch (type->code) {
    case PT_TYPE_LONG:
    case PT_TYPE_ULONG: return model->longs;
    case PT_TYPE_POINTER: return model->pointers;
    case PT_TYPE_WCHAR: return model->wchars;
    case PT_TYPE_LONGDOUBLE: return model->long_doubles;
    case PT_TYPE_COMPLEX_LONGDOUBLE: return 2u * model->long_doubles;
    default: return type->size;
    }
}

static size_t alignment_of(const struct pt_model *model, const pytramp_type *type, size_t size) {
    if (type->code == PT_TYPE_BITS) return type->alignment;
    if (type->code == PT_TYPE_LONGDOUBLE || type->code == PT_TYPE_COMPLEX_LONGDOUBLE)
        return model->long_double_alignment;
    if (type->class == PT_CLASS_COMPLEX) size /= 2;
    if (size == 16) return model->int128_alignment;
    return size == 8 ? model->eight_byte_alignment : size;
}

/* Scalars of other sizes. */
static pt_set others;

static int is_same(const pytramp_type *known, const pytramp_type *wanted) {
    return known->code == wanted->code && known->size == wanted->size &&
           known->alignment == wanted->alignment;
}

static int is_wanted(const struct pt_node *node, const void *wanted) {
    return is_same(pt_type_of(node), wanted);
}

static pytramp_status intern(const pytramp_type *wanted, const pytramp_type **there) {
    uint32_t hash = pt_hash_word(pt_hash_word(PT_HASH_SEED, wanted->code), wanted->size);
    struct pt_node *known = pt_interned(&others, hash, is_wanted, wanted);
    if (!known) {
        pytramp_type *made = malloc(sizeof *made);
        if (!made) return PYTRAMP_E_NO_MEMORY;
        *made = *wanted;
        known = pt_intern(&others, &made->node, hash, is_wanted, wanted);
        if (known != &made->node) free(made);
    }
    *there = pt_type_of(known);
    return PYTRAMP_OK;
}

static pytramp_status scalar(const struct pt_model *model, const pytramp_type *type,
                             const pytramp_type **there) {
    pytramp_type wanted = *type;
    wanted.size = size_of(model, type);
    wanted.alignment = alignment_of(model, type, wanted.size);
    if (!wanted.alignment) return PYTRAMP_E_TYPE;
    if (!is_same(type, &wanted)) return intern(&wanted, there);
    *there = type;
    return PYTRAMP_OK;
}

/* ---- Aggregates ---- */

typedef pytramp_status layout(const pytramp_type **type, size_t nmembers,
                              const pytramp_member *members, size_t pack);

/* The same declaration there. How it was declared is not known any more, but equal types are one
 * pointer: what gives this type here, from its own members, gives it there from theirs. */
static pytramp_status lay_out(const pytramp_type *type, const pytramp_member *here,
                              const pytramp_member *members, const pytramp_type **there) {
    static layout *const known[] = {pytramp_type_struct, pytramp_type_union};
    static const size_t packs[] = {0, 1, 2, 4, 8};
    for (size_t i = 0; i < 2 * sizeof packs / sizeof *packs; i++) {
        const pytramp_type *made;
        pytramp_status status = known[i % 2](&made, type->nmembers, here, packs[i / 2]);
        if (status) return status;
        if (made == type) return known[i % 2](there, type->nmembers, members, packs[i / 2]);
    }
    return PYTRAMP_E_TYPE;
}

/* The members here, and as they are there; *differs: one of them is another type. */
static pytramp_status translate(const struct pt_model *model, const pytramp_type *type,
                                pytramp_member *here, pytramp_member *members, int *differs) {
    for (size_t i = 0; i < type->nmembers; i++) {
        here[i] = members[i] = pt_type_member(type, i);
        pytramp_status status = pt_model_type(model, type->members[i].type, &members[i].type);
        if (status) return status;
        *differs |= members[i].type != type->members[i].type;
    }
    return PYTRAMP_OK;
}

static pytramp_status aggregate(const struct pt_model *model, const pytramp_type *type,
                                const pytramp_type **there) {
    int is_nested = type->depth > 1; /* an array of scalars is one member, however long */
    if (type->depth >= PT_DEEP || (is_nested && type->steps >= PT_MANY_STEPS))
        return PYTRAMP_E_TOO_LARGE;
    size_t n = type->nmembers;
    pytramp_member *here = malloc((2 * n + 1) * sizeof *here), *members = here + n;
    if (!here) return PYTRAMP_E_NO_MEMORY;
    int differs = 0;
    pytramp_status status = translate(model, type, here, members, &differs);
    if (!status && !differs) *there = type;
    if (!status && differs) status = lay_out(type, here, members, there);
    free(here);
    return status;
}

pytramp_status pt_model_type(const struct pt_model *model, const pytramp_type *type,
                             const pytramp_type **there) {
    switch (type->class) {
    case PT_CLASS_VOID: *there = type; return PYTRAMP_OK;
    case PT_CLASS_AGGREGATE:
        if (type->size) return aggregate(model, type, there);
        *there = type; /* nothing is the same everywhere, and no step counts what is in it */
        return PYTRAMP_OK;
    default: return scalar(model, type, there);
    }
}
