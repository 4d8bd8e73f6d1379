/* What must hold for the places of every signature, whatever the calling convention. */
#ifndef PLACES_H
#define PLACES_H

#include "input.h"
#include "port.h"

/* What the arguments so far stand in: one bit per register, and the end of the argument area. */
struct taken {
    uint64_t registers[PT_BANK_STACK];
    size_t stack;
};

static void take_place(struct taken *taken, const struct pt_part *part) {
    if (part->bank == PT_BANK_STACK) {
        assert(part->stack >= taken->stack);
        taken->stack = (size_t)part->stack + part->size;
        return;
    }
    uint64_t bit = (uint64_t)1 << part->index;
    assert(part->size <= 16 && part->index < 64);
    assert(!(taken->registers[part->bank] & bit));
    taken->registers[part->bank] |= bit;
}

/* Bits for bytes [offset, offset + size) of the first 64. */
static uint64_t bytes_of(size_t offset, size_t size) {
    if (offset >= 64 || !size) return 0;
    return (size >= 64 ? UINT64_MAX : ((uint64_t)1 << size) - 1) << offset;
}

/* The parts ascend, lie within the value, and leave out nothing but padding. */
static void check_cover(const struct known *known, const struct pt_location *at) {
    size_t end = 0, bytes = 0;
    uint64_t covered = 0;
    for (unsigned k = 0; k < at->nparts; k++) {
        const struct pt_part *part = &at->parts[k];
        assert(part->size && part->offset >= end);
        end = (size_t)part->offset + part->size;
        assert(end <= known->type->size);
        bytes += part->size;
        covered |= bytes_of(part->offset, part->size);
    }
    int is_whole = known->type->size <= 64 || !at->nparts || bytes == known->type->size;
    assert(is_whole && !(known->used & ~covered));
}

/* The type as the signature's convention has it, and then nothing is known of its bytes. */
static struct known there(const pytramp_signature *signature, const struct known *known) {
    struct known other = *known;
    if (pt_port_of(signature->abi)) return other;
    assert(!pt_model_type(&signature->abi->model, known->type, &other.type));
    if (other.type != known->type) other.used = 0;
    return other;
}

static void check_location(const struct known *known, const struct pt_location *at,
                           struct taken *taken) {
    assert(at->nparts <= PYTRAMP_MAX_PLACES);
    for (unsigned k = 0; k < at->nparts; k++)
        take_place(taken, &at->parts[k]);
    if (!at->by_reference)
        check_cover(known, at);
    else
        assert(at->nparts == 1 && !at->parts[0].offset && at->parts[0].size <= sizeof(void *));
}

/* What is explained is what will be done. */
static void check_explained(const pytramp_signature *signature, size_t i,
                            const struct pt_location *at) {
    pytramp_place places[PYTRAMP_MAX_PLACES];
    size_t n;
    int by_reference;
    assert(!pytramp_signature_explain(signature, i, places, &n, &by_reference));
    assert(n == at->nparts && by_reference == at->by_reference);
    for (size_t k = 0; k < n; k++) {
        const struct pt_part *part = &at->parts[k];
        assert(places[k].offset == part->offset && places[k].size == part->size);
        assert(places[k].stack == part->stack && *places[k].name);
        assert((part->bank == PT_BANK_STACK) == !strcmp(places[k].name, "stack"));
    }
}

static void check_not_explained(const pytramp_signature *signature, size_t i) {
    pytramp_place places[PYTRAMP_MAX_PLACES];
    size_t n = 4711;
    int by_reference = 4711;
    if (i < signature->nargs || i == PYTRAMP_RESULT) return;
    assert(pytramp_signature_explain(signature, i, places, &n, &by_reference) == PYTRAMP_E_INVALID);
    assert(n == 4711 && by_reference == 4711);
}

/* What the argument area has beyond the last argument in it. PowerPC keeps room there for what is
 * in its thirteen floating-point registers (ELF V2 ABI, 2.2.3.3). */
static size_t most_room(const struct pt_abi *abi) {
    int is_power = abi == &pt_abi_elfv2_ppc64 || abi == &pt_abi_elfv1_ppc64;
    return is_power ? 7 + 13 * sizeof(double) : 7;
}

/* known: what is known of the arguments' types. */
static void check_places(const pytramp_signature *signature, const struct known *result,
                         const struct known *known) {
    struct taken taken = {{0}, 0}, of_result = {{0}, 0};
    const struct pt_location *at = &signature->result_at;
    struct known type = there(signature, result);
    check_location(&type, at, at->by_reference ? &taken : &of_result);
    assert(!of_result.stack);
    check_explained(signature, PYTRAMP_RESULT, at);
    for (size_t i = 0; i < signature->nargs; i++) {
        type = there(signature, &known[i]);
        check_location(&type, &signature->at[i], &taken);
        check_explained(signature, i, &signature->at[i]);
    }
    assert(signature->stack_size >= taken.stack);
    assert(signature->stack_size - taken.stack <= most_room(signature->abi));
}

/* The same text, as far as there is room, and its length. */
static void check_text(const pytramp_signature *signature, size_t room) {
    size_t length = pt_signature_text(signature, NULL, 0);
    char *whole = block_of(length + 1), *cut = block_of(room);
    assert(pt_signature_text(signature, whole, length + 1) == length && strlen(whole) == length);
    assert(pt_signature_text(signature, cut, room) == length);
    size_t shown = room > length ? length : room - 1;
    assert(!room || (!memcmp(whole, cut, shown) && !cut[shown]));
    free(whole);
    free(cut);
}

#endif
