#include "types.h"

#include <stdlib.h>

#include "../type.h"
#include "cpu.h"

/* How the type of one value is read. */
struct reading {
    int soft; /* floats as integers of their size: see struct pt_ffi_convention */
    unsigned depth;
};

static pytramp_status read_type(const ffi_type *from, struct reading how, const pytramp_type **to);

/* ---- Scalars ---- */

static const pytramp_type *integer_of(size_t size) {
#ifdef __SIZEOF_INT128__
    if (size == sizeof(pt_uint128)) return &pytramp_type_uint128;
#endif
    return size == sizeof(unsigned) ? &pytramp_type_uint : &pytramp_type_ulonglong;
}

/* Some libffis have two sizes of long double, by abi. */
static const pytramp_type *long_double_of(const ffi_type *from) {
    return from->size == sizeof(double) ? &pytramp_type_double : &pytramp_type_longdouble;
}

static const pytramp_type *float_of(const ffi_type *from) {
    if (from->type == FFI_TYPE_FLOAT) return &pytramp_type_float;
    if (from->type == FFI_TYPE_DOUBLE) return &pytramp_type_double;
    return from->type == FFI_TYPE_LONGDOUBLE ? long_double_of(from) : NULL;
}

/* NULL for what is none. */
static const pytramp_type *scalar_of(const ffi_type *from, struct reading how) {
    switch (from->type) {
    case FFI_TYPE_VOID: return &pytramp_type_void;
    case FFI_TYPE_INT: return &pytramp_type_int;
    case FFI_TYPE_UINT8: return &pytramp_type_uchar;
    case FFI_TYPE_SINT8: return &pytramp_type_schar;
    case FFI_TYPE_UINT16: return &pytramp_type_ushort;
    case FFI_TYPE_SINT16: return &pytramp_type_short;
    case FFI_TYPE_UINT32: return &pytramp_type_uint;
    case FFI_TYPE_SINT32: return &pytramp_type_int;
    case FFI_TYPE_UINT64: return &pytramp_type_ulonglong;
    case FFI_TYPE_SINT64: return &pytramp_type_longlong;
    case FFI_TYPE_POINTER: return &pytramp_type_pointer;
    default: break;
    }
    const pytramp_type *type = float_of(from);
    return type && how.soft ? integer_of(type->size) : type;
}

/* ---- Complex: of integers, too, which GNU C has and passes like a struct of two ---- */

static const pytramp_type *complex_of(const pytramp_type *part) {
    if (part->class != PT_CLASS_FLOAT) return NULL;
    if (part->size == sizeof(float)) return &pytramp_type_complex_float;
    return part->size == sizeof(double) ? &pytramp_type_complex_double
                                        : &pytramp_type_complex_longdouble;
}

static pytramp_status read_complex(const ffi_type *from, struct reading how,
                                   const pytramp_type **to) {
    if (!from->elements || !from->elements[0]) return PYTRAMP_E_TYPE;
    const pytramp_type *part = scalar_of(from->elements[0], how);
    if (!part) return PYTRAMP_E_TYPE;
    *to = complex_of(part);
    if (*to) return PYTRAMP_OK;
    pytramp_member two[2] = {{.type = part, .count = 1}, {.type = part, .count = 1}};
    return pytramp_type_struct(to, 2, two, 0);
}

/* ---- Structs ----
 *
 * An ffi_type says how large and how aligned a struct is, and what is in it, not where. What
 * libffi itself works out is C's layout. Programs write other sizes down for types that libffi has
 * no words for (ctypes does), so what fits decides: C's layout; else that of a packed struct; else
 * a union, or bit-fields, which share their bytes. */

static size_t count_elements(const ffi_type *from) {
    size_t n = 0;
    while (from->elements[n])
        n++;
    return n;
}

static size_t alignment_of(const ffi_type *from) {
    size_t alignment = from->alignment;
    return alignment && !(alignment & (alignment - 1)) ? alignment : 1;
}

/* Where the last of them ends. */
static size_t place_elements(const ffi_type *from, size_t n, pytramp_member *members,
                             size_t limit) {
    size_t end = 0;
    for (size_t i = 0; i < n; i++) {
        size_t alignment = alignment_of(from->elements[i]);
        members[i].offset = pt_round_up(end, alignment < limit ? alignment : limit);
        end = members[i].offset + members[i].type->size;
    }
    return end;
}

static pytramp_member bytes_at(size_t offset, size_t n) {
    return (pytramp_member){.type = &pytramp_type_uchar, .count = n, .offset = offset};
}

/* All of them at the beginning; one that is larger than the whole is so many bytes. What they leave
 * of it are bytes, too: the bit-fields of another word, or an array's. Returns how many there are,
 * at most one more. */
static size_t overlap_elements(size_t size, size_t n, pytramp_member *members) {
    size_t end = 0;
    for (size_t i = 0; i < n; i++) {
        members[i].offset = 0;
        if (members[i].type->size > size) members[i] = bytes_at(0, size);
        if (members[i].type->size * members[i].count > end)
            end = members[i].type->size * members[i].count;
    }
    if (end < size) members[n++] = bytes_at(end, size - end);
    return n;
}

/* members has room for one more. The whole is aligned as its members are, as far as libffi knows.
 */
static pytramp_status lay_out(const ffi_type *from, size_t n, pytramp_member *members,
                              const pytramp_type **to) {
    size_t alignment = alignment_of(from);
    while (from->size % alignment)
        alignment /= 2;
    int fits = place_elements(from, n, members, SIZE_MAX) <= from->size ||
               place_elements(from, n, members, alignment) == from->size;
    if (!fits) n = overlap_elements(from->size, n, members);
    pytramp_layout layout = {.struct_size = sizeof layout,
                             .size = from->size,
                             .alignment = alignment,
                             .natural = alignment,
                             .is_union = !fits,
                             .nmembers = n,
                             .members = members};
    return pytramp_type_layout_ex(to, &layout);
}

/* libffi writes an array as elements that are the same; read once each, structs of such would take
 * time that doubles with every level. */
static pytramp_status read_element(ffi_type *const *elements, size_t i, struct reading how,
                                   pytramp_member *members) {
    members[i].count = 1;
    if (!i || elements[i] != elements[i - 1]) return read_type(elements[i], how, &members[i].type);
    members[i].type = members[i - 1].type;
    return PYTRAMP_OK;
}

static pytramp_status read_struct(const ffi_type *from, struct reading how,
                                  const pytramp_type **to) {
    if (!from->elements || how.depth == PT_DEEP) return PYTRAMP_E_TYPE;
    size_t n = count_elements(from);
    pytramp_member *members = calloc(n + 1, sizeof *members);
    pytramp_status status = members ? PYTRAMP_OK : PYTRAMP_E_NO_MEMORY;
    how.depth++;
    for (size_t i = 0; i < n && !status; i++)
        status = read_element(from->elements, i, how, members);
    if (!status) status = lay_out(from, n, members, to);
    free(members);
    return status;
}

static pytramp_status read_type(const ffi_type *from, struct reading how, const pytramp_type **to) {
    if (!from) return PYTRAMP_E_NULL;
    if (from->type == FFI_TYPE_STRUCT) return read_struct(from, how, to);
    if (from->type == FFI_TYPE_COMPLEX) return read_complex(from, how, to);
    *to = scalar_of(from, how);
    return *to ? PYTRAMP_OK : PYTRAMP_E_TYPE;
}

/* ---- Interfaces ---- */

static pytramp_status read_arguments(const ffi_cif *cif, const struct pt_ffi_convention *convention,
                                     const pytramp_type **args) {
    pytramp_status status = cif->nargs && !cif->arg_types ? PYTRAMP_E_NULL : PYTRAMP_OK;
    for (size_t i = 0; i < cif->nargs && !status; i++) {
        struct reading how = {.soft = i >= convention->hard_args};
        status = read_type(cif->arg_types[i], how, &args[i]);
        int is_pair = !status && args[i]->alignment > sizeof(uint64_t);
        if (how.soft && is_pair && convention->has_even_pairs) status = PYTRAMP_E_TYPE;
    }
    return status;
}

static pytramp_status read_cif(const ffi_cif *cif, const pytramp_type **args,
                               const pytramp_signature **signature) {
    struct pt_ffi_convention convention;
    const pytramp_type *result;
    if (!cif->rtype) return PYTRAMP_E_NULL;
    if (!pt_ffi_cpu.convention(cif, &convention)) return PYTRAMP_E_ABI;
    struct reading how = {.soft = convention.soft_result};
    pytramp_status status = read_type(cif->rtype, how, &result);
    if (!status) status = read_arguments(cif, &convention, args);
    if (status) return status;
    return pytramp_signature_new(signature, convention.abi, result, cif->nargs, args);
}

#define FEW_ARGS 16

ffi_status pt_ffi_signature_of(const ffi_cif *cif, const pytramp_signature **signature) {
    const pytramp_type *few[FEW_ARGS], **args = few;
    if (cif->nargs > FEW_ARGS) args = calloc(cif->nargs, sizeof(const pytramp_type *));
    if (!args) return FFI_BAD_TYPEDEF;
    pytramp_status status = read_cif(cif, args, signature);
    if (args != few) free(args);
    return status == PYTRAMP_E_ABI ? FFI_BAD_ABI : status ? FFI_BAD_TYPEDEF : FFI_OK;
}
