/* Slots: page pairs and freelists together.
 *
 *     untouched -> CLAIMED -> LIVE <-> SILENCED -> DEAD -> (quarantine, free stack) -> CLAIMED ...
 *
 * Every slot has a record that is never freed and never used for anything else ("type-stable"): a
 * late call finds a record, whatever has happened meanwhile. Freeing changes the state and nothing
 * else; the other fields stay as they are until the slot is claimed again, at least PT_QUARANTINE
 * frees later. Nothing here takes a lock but growth, and nothing uses malloc or thread-local data,
 * so claiming and releasing work in signal handlers and in forked children. */
#ifndef PT_POOL_H
#define PT_POOL_H

#include <stdatomic.h>
#include <stdint.h>

#include "include/pytramp.h"
#include "stubs.h"

struct pt_frame;
struct pt_record;

/* PT_LIVE is the only one with its bit: what each call asks first is one bit of a word. */
enum pt_state { PT_FREE, PT_CLAIMED, PT_SILENCED, PT_DEAD, PT_LIVE };

/* What a slot is used for. stubs.S calls invoke, so it comes first. */
struct pt_kind {
    void (*invoke)(struct pt_frame *frame, struct pt_record *record);
    /* Lets go of label and error before the slot is used again; any thread, no GIL. May be NULL. */
    void (*forget)(struct pt_record *record);
};

struct pt_record {
    /* a generation, and an enum pt_state in the low bits */
    _Alignas(PT_RECORD_SIZE) _Atomic uint32_t state;
    _Atomic uint32_t next; /* link of the free stack */
    uint32_t index;        /* from 1; written once */
    /* Which free stack it goes back to, PT_REPORTED and PT_ADOPTED. One word: some CPUs exchange
     * nothing smaller, and gcc then calls libatomic. */
    _Atomic uint32_t stack;
    const struct pt_kind *kind;
    /* Two pairs, what a bare trampoline passes before what it jumps to: some CPUs have no register
     * for both, and load the static chain and the program counter in one instruction. */
    void *userdata;
    union {
        pytramp_handler handler; /* a C closure */
        void (*target)(void);    /* a bare trampoline */
        void *owner;             /* a Python closure: its interpreter */
    };
    void *_Atomic label; /* for reports; what it is depends on kind */
    const struct pytramp_signature *signature;
    union {
        unsigned char bytes[8];
        void *block; /* the error value, when its type is larger than bytes: from malloc */
    } error;
};

static_assert(offsetof(struct pt_kind, invoke) == 0, "");
static_assert(offsetof(struct pt_record, kind) == PT_RECORD_KIND, "");
static_assert(offsetof(struct pt_record, userdata) == PT_RECORD_USERDATA, "");
static_assert(offsetof(struct pt_record, handler) == PT_RECORD_HANDLER, "");
static_assert(offsetof(struct pt_record, label) == PT_RECORD_LABEL, "");
static_assert(offsetof(struct pt_record, signature) == PT_RECORD_SIGNATURE, "");
static_assert(sizeof(struct pt_record) == PT_RECORD_SIZE, "one cache line");

/* *record = a slot in state CLAIMED, all fields but index for the caller to fill. Prefers one that
 * last served the same affinity (a signature; NULL for bare trampolines), then one that was never
 * used, then any. */
PT_HIDDEN pytramp_status pt_pool_claim(const void *affinity, struct pt_record **record);

/* CLAIMED -> LIVE, with entry as the slot's target. */
PT_HIDDEN void pt_pool_publish(struct pt_record *record, void (*entry)(void));

/* LIVE <-> SILENCED: a silenced closure gives its error value and runs nothing. */
PT_HIDDEN void pt_pool_silence(struct pt_record *record, int silent);

/* LIVE or SILENCED -> DEAD; PYTRAMP_E_FREED when another thread did it first. */
PT_HIDDEN pytramp_status pt_pool_kill(struct pt_record *record);

/* Puts a DEAD slot into quarantine: once, by whoever killed it, when no call is inside any more. */
PT_HIDDEN void pt_pool_recycle(struct pt_record *record);

/* CLAIMED -> free again, for a claim that could not be completed. */
PT_HIDDEN void pt_pool_abandon(struct pt_record *record);

/* Replaces the target of a slot that is in use: one store, seen whole by every call. */
PT_HIDDEN void pt_pool_retarget(struct pt_record *record, void (*entry)(void));

PT_HIDDEN void *pt_pool_code(const struct pt_record *record);

/* The record of exactly this code address, NULL when it was never handed out. No scan, no lock. */
PT_HIDDEN struct pt_record *pt_pool_find(const void *code);

/* Calls visit for every slot ever handed out, until it returns non-zero. */
PT_HIDDEN int pt_pool_each(int (*visit)(struct pt_record *record, void *data), void *data);

PT_HIDDEN void pt_pool_count_late_call(void);

#define PT_REPORTED 0x80000000u /* a late call was */
#define PT_ADOPTED  0x40000000u /* a closure that C made has an owner in Python */

/* The generation grows with every claim: the same word twice means the same closure. */
#define PT_STATE_MASK 7u

static inline uint32_t pt_state_word(const struct pt_record *record) {
    /* acquire: who sees LIVE sees the fields that were filled before. */
    return atomic_load_explicit(&record->state, memory_order_acquire);
}

static inline int pt_is(uint32_t word, enum pt_state state) {
    return (word & PT_STATE_MASK) == (uint32_t)state;
}

static inline int pt_is_live(uint32_t word) {
    return (word & PT_LIVE) != 0;
}

static inline int pt_same_generation(uint32_t a, uint32_t b) {
    return !((a ^ b) & ~PT_STATE_MASK);
}

static inline enum pt_state pt_state_of(const struct pt_record *record) {
    return (enum pt_state)(pt_state_word(record) & PT_STATE_MASK);
}

#endif
