/* 32-bit Arm: the Procedure Call Standard (AAPCS32), the variant with VFP registers; the base
 * standard for variadic functions. Rules are cited by their names in the document. */
#include "abi.h"

#define HALF           2
#define WORD           4
#define CORE_REGISTERS 4  /* r0 .. r3 */
#define VFP_REGISTERS  16 /* s0 .. s15, in pairs d0 .. d7 */
#define MOST_ELEMENTS  4  /* of a homogeneous aggregate */
#define MAX_ALIGNMENT  16 /* beyond it an argument would have to be copied: refused */

struct allocator {
    int is_base;   /* no VFP registers */
    unsigned core; /* NCRN, the next core register */
    unsigned vfp;  /* bit i: si is allocated, or unavailable */
    size_t stack;  /* NSAA, the next stacked argument, from sp at entry */
};

/* Complex types are structs of two ("Arithmetic Types"). */
static int is_composite(const pytramp_type *type) {
    return type->class == PT_CLASS_AGGREGATE || type->class == PT_CLASS_COMPLEX;
}

static size_t scalar_size(const pytramp_type *type) {
    return type->class == PT_CLASS_COMPLEX ? type->size / 2 : type->size;
}

/* There is no __int128 here, and no floating-point type above double. */
static int is_unknown(const pytramp_type *type) {
    return type->class != PT_CLASS_AGGREGATE && scalar_size(type) > 2 * WORD;
}

/* ---- VFP co-processor register candidates ---- */

/* The base type of a homogeneous aggregate, and which of its elements were seen. */
struct elements {
    size_t size;
    unsigned seen;
};

static int add_element(size_t offset, size_t size, struct elements *elements) {
    if (!elements->size) elements->size = size;
    if (elements->size != size || offset % size) return 0;
    elements->seen |= 1u << offset / size;
    return 1;
}

static int add_scalar(const pytramp_type *type, size_t offset, struct elements *elements) {
    if (type->class == PT_CLASS_FLOAT) return add_element(offset, type->size, elements);
    size_t half = type->size / 2;
    return type->class == PT_CLASS_COMPLEX && add_element(offset, half, elements) &&
           add_element(offset + half, half, elements);
}

/* 0 when something in type is not of the base type. The caller has made sure that type is small and
 * not too intricate. Empty elements are not looked at: an array may have any number of them. */
static int add_all(const pytramp_type *type, size_t offset, struct elements *elements) {
    if (type->class != PT_CLASS_AGGREGATE) return add_scalar(type, offset, elements);
    for (size_t i = 0; i < type->nmembers; i++) {
        const pytramp_member *member = &type->members[i];
        for (size_t k = 0; member->type->size && k < member->count; k++) {
            size_t at = offset + member->offset + k * member->type->size;
            if (!add_all(member->type, at, elements)) return 0;
        }
    }
    return 1;
}

/* Of one to four halves: a candidate to gcc, of which there is none to clang and the document,
 * whose base types are floats and doubles. */
static int is_disputed(const pytramp_type *type) {
    struct elements elements = {0, 0};
    return type->class == PT_CLASS_AGGREGATE && type->size && type->size <= MOST_ELEMENTS * HALF &&
           add_all(type, 0, &elements) && elements.size == HALF;
}

/* How many registers of *size bytes a candidate needs; 0 for none. A half is one, and is the base
 * type of none. */
static unsigned vfp_registers(const pytramp_type *type, size_t *size) {
    struct elements elements = {0, 0};
    *size = WORD;
    if (type->code == PT_TYPE_FLOAT16) return 1;
    if (!type->size || type->size > MOST_ELEMENTS * 2 * WORD) return 0;
    if (!add_all(type, 0, &elements)) return 0;
    *size = elements.size;
    if (elements.size != WORD && elements.size != 2 * WORD) return 0;
    size_t count = type->size / elements.size;
    int is_full = count * elements.size == type->size && elements.seen + 1 == 1u << count;
    return count <= MOST_ELEMENTS && is_full ? (unsigned)count : 0;
}

/* ---- Parts ---- */

static void add_register(struct pt_location *at, enum pt_bank bank, unsigned index, size_t offset,
                         size_t size) {
    at->parts[at->nparts++] =
        (struct pt_part){bank, (uint8_t)index, 0, (uint32_t)offset, (uint32_t)size, 0};
}

/* The registers of a candidate from s(first) on. */
static void add_vfp(const pytramp_type *type, unsigned first, unsigned count, size_t size,
                    struct pt_location *at) {
    for (unsigned i = 0; i < count; i++) {
        size_t rest = type->size - i * size;
        add_register(at, PT_BANK_VECTOR, first + i * (unsigned)size / WORD, i * size,
                     rest < size ? rest : size);
    }
}

static pytramp_status add_stack(const pytramp_type *type, size_t offset, size_t alignment,
                                struct allocator *next, struct pt_location *at) {
    size_t size = type->size - offset, start = pt_round_up(next->stack, alignment);
    if (size > INT32_MAX || start > INT32_MAX - size) return PYTRAMP_E_TOO_LARGE;
    add_register(at, PT_BANK_STACK, 0, offset, size);
    at->parts[at->nparts - 1].stack = (uint32_t)start;
    next->stack = pt_round_up(start + size, WORD);
    return PYTRAMP_OK;
}

/* As many words from r(core) on as fit; the offset of what does not. */
static size_t add_core(const pytramp_type *type, struct allocator *next, struct pt_location *at) {
    size_t offset = 0;
    for (; offset < type->size && next->core < CORE_REGISTERS; offset += WORD) {
        size_t rest = type->size - offset;
        add_register(at, PT_BANK_GENERAL, next->core++, offset, rest < WORD ? rest : WORD);
    }
    return offset;
}

/* ---- Arguments ---- */

/* Rule B.5: the natural alignment of a composite type is that of its members, with their own
 * attributes, but without those of the whole. 0 where nobody has said which of the two raised it,
 * and no member's type alone is enough. */
static size_t passing_alignment(const pytramp_type *type) {
    if (type->class != PT_CLASS_AGGREGATE) return scalar_size(type) > WORD ? 2 * WORD : WORD;
    if (type->alignment <= WORD) return WORD;
    if (type->natural) return type->natural > WORD ? 2 * WORD : WORD;
    for (size_t i = 0; i < type->nmembers; i++) {
        if (type->members[i].type->alignment > WORD) return 2 * WORD;
    }
    return 0;
}

/* C.1.vfp: the lowest free registers, aligned as their size; 0 when there are none. */
static int take_vfp(unsigned count, size_t size, struct allocator *next, unsigned *first) {
    unsigned step = (unsigned)size / WORD, width = count * step;
    for (unsigned i = 0; i + width <= VFP_REGISTERS; i += step) {
        unsigned mask = ((1u << width) - 1) << i;
        if (next->vfp & mask) continue;
        next->vfp |= mask;
        *first = i;
        return 1;
    }
    return 0;
}

/* C.1.vfp, C.2.vfp: once one is in memory, all later ones are. */
static pytramp_status pass_vfp(const pytramp_type *type, unsigned count, size_t size,
                               size_t alignment, struct allocator *next, struct pt_location *at) {
    unsigned first;
    if (take_vfp(count, size, next, &first)) {
        add_vfp(type, first, count, size, at);
        return PYTRAMP_OK;
    }
    next->vfp = (1u << VFP_REGISTERS) - 1;
    return add_stack(type, 0, alignment, next, at);
}

/* C.3 to C.8. */
static pytramp_status pass_core(const pytramp_type *type, size_t alignment, struct allocator *next,
                                struct pt_location *at) {
    if (alignment > WORD) next->core = (unsigned)pt_round_up(next->core, 2);
    size_t words = pt_round_up(type->size, WORD) / WORD, left = CORE_REGISTERS - next->core;
    if (words <= left || (left && !next->stack)) {
        size_t offset = add_core(type, next, at);
        return offset < type->size ? add_stack(type, offset, WORD, next, at) : PYTRAMP_OK;
    }
    next->core = CORE_REGISTERS;
    return add_stack(type, 0, alignment, next, at);
}

/* Small, and yet more than anyone can look at: unions in unions in unions. */
static int is_too_intricate(const pytramp_type *type) {
    return type->size <= MOST_ELEMENTS * 2 * WORD &&
           (type->steps >= PT_MANY_STEPS || type->depth >= PT_DEEP);
}

static pytramp_status pass(const pytramp_type *type, struct allocator *next,
                           struct pt_location *at) {
    size_t size = 0, alignment = passing_alignment(type);
    *at = (struct pt_location){0};
    if (type->class == PT_CLASS_VOID || is_unknown(type)) return PYTRAMP_E_TYPE;
    if (is_too_intricate(type)) return PYTRAMP_E_TOO_LARGE;
    if (!type->size) return PYTRAMP_OK;
    if (!alignment || type->alignment > MAX_ALIGNMENT) return PYTRAMP_E_TYPE;
    if (!next->is_base && is_disputed(type)) return PYTRAMP_E_TYPE;
    unsigned count = next->is_base ? 0 : vfp_registers(type, &size);
    return count ? pass_vfp(type, count, size, alignment, next, at)
                 : pass_core(type, alignment, next, at);
}

/* ---- Results ---- */

static pytramp_status place_result(const pytramp_type *type, struct allocator *next,
                                   struct pt_location *at) {
    size_t size = 0;
    *at = (struct pt_location){0};
    if (is_unknown(type)) return PYTRAMP_E_TYPE;
    if (is_too_intricate(type)) return PYTRAMP_E_TOO_LARGE;
    if (!next->is_base && is_disputed(type)) return PYTRAMP_E_TYPE;
    unsigned count = next->is_base ? 0 : vfp_registers(type, &size);
    if (count) {
        add_vfp(type, 0, count, size, at);
    } else if (is_composite(type) && type->size > WORD) {
        at->by_reference = 1;
        add_register(at, PT_BANK_GENERAL, next->core++, 0, WORD); /* rule A.4 */
    } else {
        struct allocator result = {0};
        add_core(type, &result, at);
    }
    return PYTRAMP_OK;
}

static pytramp_status classify(const struct pt_prototype *prototype, struct pt_location *result_at,
                               struct pt_location *at, uint32_t *stack_size) {
    struct allocator next = {.is_base = prototype->variadic};
    pytramp_status status = place_result(prototype->result, &next, result_at);
    for (size_t i = 0; i < prototype->nargs && !status; i++)
        status = pass(prototype->args[i], &next, &at[i]);
    *stack_size = (uint32_t)next.stack;
    return status;
}

static const char *register_name(const struct pt_part *part, int is_result) {
    static const char *const core[] = {"r0", "r1", "r2", "r3"};
    static const char *const single[] = {"s0", "s1", "s2",  "s3",  "s4",  "s5",  "s6",  "s7",
                                         "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15"};
    static const char *const pair[] = {"d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7"};
    (void)is_result;
    switch (part->bank) {
    case PT_BANK_GENERAL: return core[part->index];
    case PT_BANK_VECTOR: return part->size > WORD ? pair[part->index / 2] : single[part->index];
    default: return "stack";
    }
}

const struct pt_abi pt_abi_aapcs32 = {.name = "aapcs32",
                                      .code = PYTRAMP_ABI_AAPCS32,
                                      .model = {4, 4, 4, 8, 8, 0, 8},
                                      .classify = classify,
                                      .register_name = register_name};
