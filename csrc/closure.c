#include "closure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "owned.h"
#include "pages.h"
#include "port.h"

/* ---- Reports ---- */

static void print_late_call(const void *code, const char *what) {
    fprintf(stderr, "pytramp: %s (%p)\n", what, code);
}

static pytramp_late_call_hook _Atomic hook = print_late_call;

void pytramp_set_late_call_hook(pytramp_late_call_hook new_hook) {
    atomic_store(&hook, new_hook ? new_hook : print_late_call);
}

int pt_closure_first_late_call(struct pt_record *record) {
    if (atomic_fetch_or(&record->stack, PT_REPORTED) & PT_REPORTED) return 0;
    pt_pool_count_late_call();
    return 1;
}

/* Those were of calls before the closure was what it is now. */
static void forget_reports(struct pt_record *record) {
    if (atomic_load_explicit(&record->stack, memory_order_relaxed) & PT_REPORTED)
        atomic_fetch_and(&record->stack, ~PT_REPORTED);
}

void pt_closure_report(struct pt_record *record, const char *what) {
    int saved = errno; /* the caller's callback must not see what printing did */
    unsigned long last_error = pt_pages_last_error();
    atomic_load (&hook)(pt_pool_code(record), what);
    errno = saved;
    pt_pages_set_last_error(last_error);
}

/* ---- Error values: up to eight bytes in the record, larger ones in a block ---- */

static int is_inline(const pytramp_type *type) {
    return type->size <= sizeof(((struct pt_record *)0)->error.bytes);
}

const void *pt_closure_error(const struct pt_record *record) {
    return is_inline(record->signature->result) ? record->error.bytes : record->error.block;
}

/* A slot may be claimed in a signal handler, where free() is not allowed: blocks wait here, linked
 * through their first word, for the next one that is made. The stack is only ever emptied whole, so
 * there is no ABA. */
static void *_Atomic dropped_blocks;

static void drop(void *dropped) {
    void **block = dropped;
    *block = atomic_load(&dropped_blocks);
    while (!atomic_compare_exchange_weak(&dropped_blocks, block, block)) {
    }
}

void pt_closure_drop_error(struct pt_record *record) {
    if (!is_inline(record->signature->result) && record->error.block) drop(record->error.block);
}

static void free_dropped_blocks(void) {
    void **block = atomic_exchange(&dropped_blocks, NULL);
    while (block) {
        void *next = *block;
        free(block);
        block = next;
    }
}

static pytramp_status keep_error(struct pt_record *record, const void *error) {
    size_t size = record->signature->result->size;
    memset(&record->error, 0, sizeof record->error);
    if (!error || !size) return PYTRAMP_OK;
    void *to = record->error.bytes;
    if (!is_inline(record->signature->result)) {
        free_dropped_blocks();
        to = record->error.block = malloc(size);
        if (!to) return PYTRAMP_E_NO_MEMORY;
    }
    memcpy(to, error, size);
    return PYTRAMP_OK;
}

static void preset(const pytramp_signature *signature, const void *value, void *result) {
    if (!result) return;
    if (value)
        memcpy(result, value, signature->result->size);
    else
        memset(result, 0, signature->result->size);
}

void pt_closure_return(const pytramp_signature *signature, const void *value,
                       struct pt_frame *frame) {
    const struct pt_plan *plan = atomic_load_explicit(&signature->plan, memory_order_relaxed);
    _Alignas(PT_SCRATCH_ALIGNMENT) unsigned char scratch[PT_RESULT_SCRATCH];
    void *result = pt_result_begin(plan, frame, scratch);
    if (signature->result_at.nparts) preset(signature, value, result);
    pt_result_end(signature, plan, frame, scratch);
}

void pt_closure_return_error(struct pt_record *record, struct pt_frame *frame) {
    pt_closure_return(record->signature, pt_closure_error(record), frame);
}

/* ---- Closures with a C handler ---- */

PT_COLD static void late_call(struct pt_record *record, struct pt_frame *frame) {
    pt_closure_return_error(record, frame);
    if (!pt_closure_first_late_call(record)) return;
    const char *name = atomic_load(&record->label);
    char type[256], what[512];
    pt_signature_text(record->signature, type, sizeof type);
    snprintf(what, sizeof what, "closure '%s' %s was called after it was freed",
             name ? name : "(unnamed)", type);
    pt_closure_report(record, what);
}

static void call_handler(struct pt_record *record, struct pt_frame *frame, void **args,
                         unsigned char *scratch) {
    const pytramp_signature *signature = record->signature;
    const struct pt_plan *plan = atomic_load_explicit(&signature->plan, memory_order_relaxed);
    for (size_t i = 0; i < signature->nargs; i++)
        args[i] = pt_argument(signature, plan, i, frame, scratch);
    va_list rest;
    if (signature->variadic) {
        plan->port->list_start(&rest, signature, frame);
        args[signature->nargs] = &rest;
    }
    void *result = pt_result_begin(plan, frame, scratch);
    preset(signature, pt_closure_error(record), result);
    record->handler(signature, result, args, record->userdata);
    pt_result_end(signature, plan, frame, scratch);
}

#define SMALL_ARGS    32
#define SMALL_SCRATCH 256

/* More than fits on a stack that may be small (musl gives a thread 128 KiB). */
PT_COLD static void call_with_block(struct pt_record *record, struct pt_frame *frame,
                                    const struct pt_plan *plan) {
    size_t vector = (record->signature->nargs + 1) * sizeof(void *);
    int saved = errno;
    unsigned char *block = malloc(vector + PT_SCRATCH_ALIGNMENT + plan->scratch_size);
    PT_ERRNO_CHANGED();
    errno = saved;
    if (block) {
        uintptr_t scratch = pt_scratch_up((uintptr_t)block + vector);
        call_handler(record, frame, (void **)(void *)block, (unsigned char *)scratch);
        saved = errno;
        free(block);
        PT_ERRNO_CHANGED();
        errno = saved;
    } else {
        pt_closure_return_error(record, frame);
        pt_closure_report(record, "no memory for the arguments of a call");
    }
}

static void call_general(struct pt_record *record, struct pt_frame *frame,
                         const struct pt_plan *plan) {
    if (record->signature->nargs >= SMALL_ARGS || plan->scratch_size > SMALL_SCRATCH) {
        call_with_block(record, frame, plan);
        return;
    }
    void *args[SMALL_ARGS];
    _Alignas(PT_SCRATCH_ALIGNMENT) unsigned char scratch[SMALL_SCRATCH];
    call_handler(record, frame, args, scratch);
}

/* A constant is cheaper, and where values stand at their register's beginning all of it is theirs.
 */
static inline size_t result_size(const pytramp_signature *signature) {
    return PT_BIG_ENDIAN ? signature->result->size : sizeof(uint64_t);
}

/* Every argument stands in the frame, and the result fits the eight bytes that hold its error
 * value. */
static inline void call_simple(struct pt_record *record, struct pt_frame *frame,
                               const struct pt_plan *plan) {
    const pytramp_signature *signature = record->signature;
    void *args[PT_SIMPLE_ARGS];
    for (size_t i = 0; i < signature->nargs; i++)
        args[i] = (unsigned char *)frame + plan->args[i].at;
    unsigned char *result = (unsigned char *)frame + plan->result.at;
    if (plan->result_way == PT_RESULT_NONE) result = NULL;
    if (result) memcpy(result, record->error.bytes, result_size(signature));
    record->handler(signature, result, args, record->userdata);
    if (result) pt_widen(plan->widening, result);
}

static void invoke_closure(struct pt_frame *frame, struct pt_record *record) {
    if (PT_UNLIKELY(pt_state_of(record) != PT_LIVE)) {
        late_call(record, frame);
        return;
    }
    const struct pt_plan *plan =
        atomic_load_explicit(&record->signature->plan, memory_order_relaxed);
    if (PT_LIKELY(plan->simple))
        call_simple(record, frame, plan);
    else
        call_general(record, frame, plan);
}

static int is_owner(const struct pt_record *record) {
    return record->handler == pt_owned_call;
}

static void forget_closure(struct pt_record *record) {
    pt_closure_drop_error(record);
    if (is_owner(record)) drop(record->userdata);
}

static const struct pt_kind closure_kind = {invoke_closure, forget_closure};

pytramp_status pt_closure_bind(const pytramp_signature *signature, const struct pt_binding *binding,
                               struct pt_record **out) {
    const struct pt_plan *plan;
    struct pt_record *record;
    pytramp_status status = pt_plan_of(signature, &plan);
    if (status) return status;
    status = pt_pool_claim(signature, &record);
    if (status) return status;
    record->kind = binding->kind;
    record->signature = signature;
    record->owner = binding->owner;
    record->userdata = binding->userdata;
    atomic_store_explicit(&record->label, binding->label, memory_order_relaxed);
    status = keep_error(record, binding->error);
    if (status) {
        pt_pool_abandon(record);
        return status;
    }
    pt_pool_publish(record, plan->entry);
    *out = record;
    return PYTRAMP_OK;
}

static pytramp_status new_closure(const pytramp_signature *signature,
                                  const pytramp_closure_options *options, pytramp_handler handler,
                                  void *userdata, struct pt_record **record) {
    struct pt_binding binding = {.kind = &closure_kind,
                                 .userdata = userdata,
                                 .label = (void *)options->name,
                                 .error = options->error};
    memcpy(&binding.owner, &handler, sizeof binding.owner);
    return pt_closure_bind(signature, &binding, record);
}

static pytramp_status new_owner(const pytramp_signature *signature,
                                const pytramp_closure_options *options, struct pt_record **record) {
    free_dropped_blocks();
    struct pt_owned *owned = pt_owned_new(options);
    if (!owned) return PYTRAMP_E_NO_MEMORY;
    pytramp_status status = new_closure(signature, options, pt_owned_call, owned, record);
    if (status)
        free(owned);
    else
        pt_owned_bind(owned, *record);
    return status;
}

/* What callers were compiled with that knew fewer options. */
static int is_complete(const pytramp_closure_options *options) {
    return options->size >= offsetof(pytramp_closure_options, destroy);
}

static int has_destroy(const pytramp_closure_options *options) {
    size_t end = offsetof(pytramp_closure_options, destroy) + sizeof options->destroy;
    return options->size >= end && options->destroy;
}

pytramp_status pytramp_closure_new_ex(void **code, const pytramp_signature *signature,
                                      const pytramp_closure_options *options) {
    if (!code || !signature || !options) return PYTRAMP_E_NULL;
    if (!is_complete(options)) return PYTRAMP_E_INVALID;
    if (!options->handler) return PYTRAMP_E_NULL;
    struct pt_record *record;
    pytramp_status status = has_destroy(options) ? new_owner(signature, options, &record)
                                                 : new_closure(signature, options, options->handler,
                                                               options->userdata, &record);
    if (!status) *code = pt_pool_code(record);
    return status;
}

pytramp_status pytramp_closure_new(void **code, const pytramp_signature *signature,
                                   pytramp_handler handler, void *userdata) {
    pytramp_closure_options options = {
        .size = sizeof options, .handler = handler, .userdata = userdata};
    return pytramp_closure_new_ex(code, signature, &options);
}

static pytramp_status free_kind(void *code, const struct pt_kind *kind, struct pt_record **out) {
    if (!code) return PYTRAMP_E_NULL;
    struct pt_record *record = pt_pool_find(code);
    if (!record) return PYTRAMP_E_NOT_OURS;
    if (record->kind != kind) return PYTRAMP_E_KIND;
    pytramp_status status = pt_pool_kill(record);
    if (!status) *out = record;
    return status;
}

pytramp_status pytramp_closure_free(void *code) {
    struct pt_record *record;
    pytramp_status status = free_kind(code, &closure_kind, &record);
    if (status) return status;
    if (is_owner(record))
        pt_owned_release(record->userdata);
    else
        pt_pool_recycle(record);
    return PYTRAMP_OK;
}

static pytramp_status find_live(void *code, const struct pt_kind *kind, struct pt_record **out) {
    struct pt_record *record = pt_pool_find(code);
    if (!record) return PYTRAMP_E_NOT_OURS;
    if (record->kind != kind) return PYTRAMP_E_KIND;
    if (pt_state_of(record) != PT_LIVE) return PYTRAMP_E_FREED;
    *out = record;
    return PYTRAMP_OK;
}

pytramp_status pt_closure_adopt(void *code, const pytramp_signature *signature,
                                struct pt_record **record) {
    pytramp_status status = find_live(code, &closure_kind, record);
    if (status) return status;
    if ((*record)->signature != signature) return PYTRAMP_E_TYPE;
    uint32_t before = atomic_fetch_or(&(*record)->stack, PT_ADOPTED);
    return before & PT_ADOPTED ? PYTRAMP_E_INVALID : PYTRAMP_OK;
}

/* ---- Bare trampolines ---- */

/* Until pytramp_init has run. Whatever the caller's type is, zeros are an answer. */
static void invoke_unprepared(struct pt_frame *frame, struct pt_record *record) {
    memset(&frame->result, 0, sizeof frame->result);
    if (pt_closure_first_late_call(record))
        pt_closure_report(record, "trampoline was called before it was prepared");
}

static const struct pt_kind bare_kind = {invoke_unprepared, NULL};

pytramp_status pytramp_alloc(void **code) {
    if (!code) return PYTRAMP_E_NULL;
    struct pt_record *record;
    pytramp_status status = pt_pool_claim(NULL, &record);
    if (status) return status;
    record->kind = &bare_kind;
    record->signature = NULL;
    record->target = NULL;
    record->userdata = NULL;
    atomic_store_explicit(&record->label, NULL, memory_order_relaxed);
    pt_pool_publish(record, pt_entry_unprepared);
    *code = pt_pool_code(record);
    return PYTRAMP_OK;
}

pytramp_status pytramp_init(void *code, void (*target)(void), void *data) {
    if (!code || !target) return PYTRAMP_E_NULL;
    struct pt_record *record;
    pytramp_status status = find_live(code, &bare_kind, &record);
    if (status) return status;
    record->userdata = data;
    record->target = target;
    pt_pool_retarget(record, pt_entry_chain);
    return PYTRAMP_OK;
}

/* The new pair is stored beside the old one, which a call may be reading, and one store of the
 * slot's target switches over. */
pytramp_status pytramp_retire(void *code, void (*target)(void), void *data) {
    struct pt_record *record;
    if (!code || !target) return PYTRAMP_E_NULL;
    pytramp_status status = free_kind(code, &bare_kind, &record);
    if (status) return status;
    memcpy(&record->signature, &target, sizeof target);
    atomic_store_explicit(&record->label, data, memory_order_relaxed);
    pt_pool_retarget(record, pt_entry_retired);
    pt_pool_recycle(record);
    return PYTRAMP_OK;
}

pytramp_status pytramp_free(void *code) {
    return pytramp_retire(code, pt_entry_zero, NULL);
}

/* ---- From one to the other ---- */

static pytramp_status find_preparable(void *code, struct pt_record **out) {
    struct pt_record *record = pt_pool_find(code);
    if (!record) return PYTRAMP_E_NOT_OURS;
    int is_closure = record->kind == &closure_kind && !is_owner(record);
    if (!is_closure && record->kind != &bare_kind) return PYTRAMP_E_KIND;
    if (pt_state_of(record) != PT_LIVE) return PYTRAMP_E_FREED;
    *out = record;
    return PYTRAMP_OK;
}

pytramp_status pt_closure_prepare(void *code, const pytramp_signature *signature,
                                  pytramp_handler handler, void *userdata) {
    struct pt_record *record;
    const struct pt_plan *plan;
    pytramp_status status = find_preparable(code, &record);
    if (!status) status = pt_plan_of(signature, &plan);
    if (status) return status;
    if (record->kind == &closure_kind) forget_closure(record);
    record->kind = &closure_kind;
    record->signature = signature;
    record->handler = handler;
    record->userdata = userdata;
    memset(&record->error, 0, sizeof record->error);
    forget_reports(record);
    pt_pool_retarget(record, plan->entry);
    return PYTRAMP_OK;
}

/* ---- Looking up ---- */

void *pytramp_data(const void *code) {
    struct pt_record *record = pt_pool_find(code);
    if (!record || (record->kind != &closure_kind && record->kind != &bare_kind)) return NULL;
    if (pt_state_of(record) != PT_LIVE) return NULL;
    int owns = record->kind == &closure_kind && is_owner(record);
    return owns ? pt_owned_userdata(record->userdata) : record->userdata;
}

int pytramp_owns(const void *code) {
    return pt_pool_find(code) != NULL;
}

static const char *const status_texts[] = {
    [PYTRAMP_OK] = "success",
    [PYTRAMP_E_NULL] = "a required argument is NULL",
    [PYTRAMP_E_NO_MEMORY] = "out of memory",
    [PYTRAMP_E_NO_CODE] = "no more trampolines: every growth step failed",
    [PYTRAMP_E_BUSY] = "growth was interrupted by a signal handler that needs it",
    [PYTRAMP_E_FULL] = "more trampolines than the pool can number",
    [PYTRAMP_E_NOT_OURS] = "not the address of a trampoline",
    [PYTRAMP_E_FREED] = "the trampoline was freed",
    [PYTRAMP_E_KIND] = "a closure where a bare trampoline is needed, or the other way round",
    [PYTRAMP_E_TYPE] = "a type that cannot be passed or laid out so",
    [PYTRAMP_E_ABI] = "no such calling convention on this machine",
    [PYTRAMP_E_TOO_LARGE] = "sizes add up to more than an argument area can hold",
    [PYTRAMP_E_CORRUPT] = "an invariant of the pool is broken",
    [PYTRAMP_E_INVALID] = "an option out of its range",
};

const char *pytramp_status_text(pytramp_status status) {
    size_t n = sizeof status_texts / sizeof *status_texts;
    return (size_t)status < n ? status_texts[status] : "unknown status";
}
