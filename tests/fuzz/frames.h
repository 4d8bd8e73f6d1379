/* Calls without a caller: the marshaller on a made-up frame.
 *
 * Frame and scratch are blocks of exactly the size that the signature and its plan say, so the
 * sanitizer sees every byte beyond them. What stays within them is compared. */
#ifndef FRAMES_H
#define FRAMES_H

#include "input.h"
#include "marshal.h"
#include "port.h"
#include "stubs.h"

/* Not more memory than this for one call: larger ones do nothing else. */
#define MOST_BYTES 65536

struct call {
    const pytramp_signature *signature;
    const struct pt_plan *plan;
    size_t size; /* of the frame with the memory arguments */
    struct pt_frame *frame;
    unsigned char *before, *scratch; /* before: what the frame held when it was saved */
    unsigned char **args;
    unsigned char **elsewhere; /* of arguments that are passed by their address; NULL for others */
};

static unsigned char *in_frame(const struct call *call, size_t at) {
    return (unsigned char *)call->frame + at;
}

/* ---- Arguments ---- */

static size_t padded(const pytramp_type *type) {
    return (type->size + 15) / 16 * 16;
}

static void check_plan(const struct call *call) {
    const struct pt_plan *plan = call->plan;
    const pytramp_type *result = call->signature->result;
    size_t scattered = plan->result_way == PT_RESULT_SCATTERED ? padded(result) : 0;
    assert(scattered <= PT_RESULT_SCRATCH && plan->entry);
    assert(!scattered || !plan->result.at); /* pt_closure_return brings no room for arguments */
    for (size_t i = 0; i < call->signature->nargs; i++)
        scattered += plan->args[i].standing == PT_IN_PIECES ? padded(call->signature->args[i]) : 0;
    assert(plan->scratch_size == scattered);
    if (!plan->simple) return;
    assert(call->signature->nargs <= PT_SIMPLE_ARGS && !scattered && result->size <= 8);
    assert(plan->result_way == PT_RESULT_DIRECT || plan->result_way == PT_RESULT_NONE);
}

static void check_argument(const struct call *call, size_t i) {
    const struct pt_location *at = &call->signature->at[i];
    const pytramp_type *type = call->signature->args[i];
    assert(!at->by_reference || call->args[i] == call->elsewhere[i]);
    assert(at->by_reference || !at->nparts || at->parts[0].bank != PT_BANK_STACK ||
           call->plan->args[i].standing == PT_IN_FRAME);
    if (at->by_reference) return; /* who passes it aligns it, or not */
    assert(!type->size || (uintptr_t)call->args[i] % type->alignment == 0);
    for (unsigned k = 0; k < at->nparts; k++) {
        const struct pt_part *part = &at->parts[k];
        const unsigned char *passed = call->before + pt_port.argument_at(part);
        assert(!memcmp(call->args[i] + part->offset, passed, part->size));
    }
}

/* A handler may write to its arguments: each is a variable of its own, apart from all else that is
 * in the frame, too. */
static void check_apart(const struct call *call) {
    const pytramp_signature *signature = call->signature;
    unsigned char *expected = block_of(call->size);
    memcpy(expected, call->before, call->size);
    for (size_t i = 0; i < signature->nargs; i++) {
        uintptr_t at = (uintptr_t)call->args[i] - (uintptr_t)call->frame;
        memset(call->args[i], (int)i, signature->args[i]->size);
        if (at < call->size) memset(expected + at, (int)i, signature->args[i]->size);
    }
    for (size_t i = 0; i < signature->nargs; i++) {
        for (size_t k = 0; k < signature->args[i]->size; k++)
            assert(call->args[i][k] == (unsigned char)i);
    }
    assert(!memcmp(call->frame, expected, call->size));
    free(expected);
}

static void check_arguments(const struct call *call) {
    for (size_t i = 0; i < call->signature->nargs; i++)
        call->args[i] = pt_argument(call->signature, call->plan, i, call->frame, call->scratch);
    for (size_t i = 0; i < call->signature->nargs; i++)
        check_argument(call, i);
    check_apart(call);
}

/* ---- Variable arguments: the same call, of which only the first arguments are named ---- */

static const pytramp_signature *name_first(const pytramp_signature *all, size_t n) {
    const pytramp_signature *signature;
    assert(!pytramp_signature_new_variadic(&signature, all->abi->code, all->result, n, all->args));
    return signature;
}

/* va_arg of scalars is the compiler's, but most structs of one are passed as it is, and the port
 * reads any type where the convention puts it. */
static const pytramp_type *wrapped(const pytramp_type *type) {
    const pytramp_member member = {type, 1, 0};
    const pytramp_type *made, *const types[] = {type, NULL};
    const pytramp_signature *alone, *in_struct;
    if (type->class == PT_CLASS_AGGREGATE) return type;
    assert(!pytramp_type_struct(&made, 1, &member, 0));
    assert(!pytramp_signature_new(&alone, PYTRAMP_ABI_DEFAULT, &pytramp_type_void, 1, types));
    assert(!pytramp_signature_new(&in_struct, PYTRAMP_ABI_DEFAULT, &pytramp_type_void, 1,
                                  (const pytramp_type *const[]){made}));
    return memcmp(alone->at, in_struct->at, sizeof *alone->at) ? type : made;
}

static void check_next(const struct call *call, size_t i, va_list *list) {
    const struct pt_location *at = &call->signature->at[i];
    const pytramp_type *type = wrapped(call->signature->args[i]);
    unsigned char *value = block_of(type->size);
    assert(!pt_port.list_aggregate(list, type, value));
    if (at->by_reference) assert(!memcmp(value, call->elsewhere[i], type->size));
    for (unsigned k = 0; !at->by_reference && k < at->nparts; k++) {
        const struct pt_part *part = &at->parts[k];
        const unsigned char *passed = call->before + pt_port.argument_at(part);
        assert(!memcmp(value + part->offset, passed, part->size));
    }
    free(value);
}

static void check_list(const struct call *call, size_t named) {
    const pytramp_signature *signature = name_first(call->signature, named);
    va_list list;
    pt_port.list_start(&list, signature, call->frame);
    for (size_t i = named; i < call->signature->nargs; i++)
        check_next(call, i, &list);
    assert(!memcmp(call->frame, call->before, call->size));
}

/* ---- The result ---- */

/* What a narrow result has in the rest of its register: its sign, or nothing. */
static unsigned char extension(const pytramp_type *type, const unsigned char *value) {
    unsigned char most = value[PT_BIG_ENDIAN ? 0 : type->size - 1];
    return type->class == PT_CLASS_SIGNED && most & 0x80 ? 0xff : 0;
}

/* A big-endian register ends with what is an integer in it. */
static int is_extended(const pytramp_type *type) {
    int is_integer = type->class == PT_CLASS_BOOL || type->class == PT_CLASS_SIGNED ||
                     type->class == PT_CLASS_UNSIGNED || type->class == PT_CLASS_POINTER;
    return is_integer || (!PT_BIG_ENDIAN && type->class != PT_CLASS_CHARACTER); /* either sign */
}

static void check_registers(const struct call *call, const unsigned char *value) {
    const struct pt_location *at = &call->signature->result_at;
    const pytramp_type *type = call->signature->result;
    for (unsigned k = 0; k < at->nparts; k++) {
        const struct pt_part *part = &at->parts[k];
        const unsigned char *reg = in_frame(call, pt_port.result_at(part));
        assert(!memcmp(reg, value + part->offset, part->size));
        if (at->nparts > 1 || !is_extended(type)) continue;
        for (size_t i = part->size; i < 8; i++)
            assert(reg[PT_BIG_ENDIAN ? (ptrdiff_t)(part->size - i) - 1 : (ptrdiff_t)i] ==
                   extension(type, value));
    }
}

/* Nothing but the result's registers was written. */
static void check_rest(const struct call *call) {
    size_t start = offsetof(struct pt_frame, result), end = start + sizeof call->frame->result;
    assert(!memcmp(call->frame, call->before, start));
    assert(!memcmp(in_frame(call, end), call->before + end, call->size - end));
}

static void return_value(const struct call *call, const unsigned char *value) {
    size_t size = call->signature->result->size;
    unsigned char *to = pt_result_begin(call->plan, call->frame, call->scratch);
    assert(to || !size);
    if (size) memcpy(to, value, size);
    if (call->plan->result_way != PT_RESULT_REFERENCE && size)
        assert((uintptr_t)to % call->signature->result->alignment == 0);
    pt_result_end(call->signature, call->plan, call->frame, call->scratch);
}

static void check_returned(const struct call *call, const unsigned char *value,
                           const unsigned char *target) {
    const struct pt_part first = {.bank = PT_BANK_GENERAL, .size = sizeof target};
    if (call->signature->result_at.by_reference) {
        assert(!memcmp(target, value, call->signature->result->size));
        assert(!memcmp(in_frame(call, pt_port.result_at(&first)), &target, sizeof target));
    } else {
        check_registers(call, value);
    }
    check_rest(call);
}

static void check_result(const struct call *call, uint64_t *random) {
    const struct pt_location *at = &call->signature->result_at;
    size_t size = call->signature->result->size;
    unsigned char *value = block_of(size), *target = block_of(size);
    fill(random, value, size);
    if (at->by_reference)
        memcpy(call->before + pt_port.argument_at(&at->parts[0]), &target, sizeof target);
    memcpy(call->frame, call->before, call->size);
    return_value(call, value);
    check_returned(call, value, target);
    free(value);
    free(target);
}

/* ---- All of it ---- */

/* Makes what is passed by its address. */
static void put_elsewhere(struct call *call, uint64_t *random) {
    for (size_t i = 0; i < call->signature->nargs; i++) {
        const struct pt_location *at = &call->signature->at[i];
        size_t size = call->signature->args[i]->size;
        call->elsewhere[i] = at->by_reference ? block_of(size) : NULL;
        if (!at->by_reference) continue;
        fill(random, call->elsewhere[i], size);
        memcpy(call->before + pt_port.argument_at(&at->parts[0]), &call->elsewhere[i],
               sizeof call->elsewhere[i]);
    }
}

static int is_moderate(const pytramp_signature *signature) {
    for (size_t i = 0; i < signature->nargs; i++) {
        if (signature->args[i]->size > MOST_BYTES) return 0;
    }
    return signature->stack_size <= MOST_BYTES && signature->result->size <= MOST_BYTES;
}

static void free_call(const struct call *call) {
    for (size_t i = 0; i < call->signature->nargs; i++)
        free(call->elsewhere[i]);
    free(call->frame);
    free(call->before);
    free(call->scratch);
    free(call->args);
    free(call->elsewhere);
}

static void check_call(const pytramp_signature *signature, uint64_t random) {
    const struct pt_plan *plan, *again;
    if (!is_moderate(signature)) return;
    assert(!pt_plan_of(signature, &plan) && !pt_plan_of(signature, &again) && plan == again);
    size_t stack = pt_port.argument_at(&(struct pt_part){.bank = PT_BANK_STACK});
    size_t size = stack + signature->stack_size;
    struct call call = {signature,
                        plan,
                        size,
                        block_of(size),
                        block_of(size),
                        block_of(plan->scratch_size),
                        block_of(signature->nargs * sizeof(void *)),
                        block_of(signature->nargs * sizeof(void *))};
    check_plan(&call);
    fill(&random, call.before, size);
    put_elsewhere(&call, &random);
    fill(&random, call.scratch, plan->scratch_size);
    memcpy(call.frame, call.before, size);
    if (signature->nargs) check_list(&call, 1 + (random >> 8) % signature->nargs);
    check_arguments(&call);
    check_result(&call, &random);
    free_call(&call);
}

#endif
