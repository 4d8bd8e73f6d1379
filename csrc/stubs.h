/* What an arch/<cpu>/stubs.S exports, and the slots that its stubs read. */
#ifndef PT_STUBS_H
#define PT_STUBS_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>

#include "config.h"
#include PT_ARCH_FRAME

/* The two words that stub i reads. Written data first, then target with release order. */
#if PT_DESCRIPTORS /* a function: target is its code, data its table of contents */
struct pt_slot {
    _Alignas(PT_SLOT_SIZE) void (*_Atomic target)(void);
    void *_Atomic data;
    void *environment; /* not every caller looks at it */
};
#else
struct pt_slot {
    _Alignas(PT_SLOT_SIZE) void *_Atomic data;
    void (*_Atomic target)(void);
};
#endif

static_assert(sizeof(struct pt_slot) == PT_SLOT_SIZE, "");
static_assert(PT_SLOT_SIZE == PT_STUB_SIZE, "slot i lies at the same offset as stub i");
static_assert(PT_UNIT_STUBS * PT_STUB_SIZE == PT_UNIT, "a unit is full of stubs");
static_assert(PT_BUILTIN_UNITS * PT_UNIT_STUBS == PT_BUILTIN_STUBS, "so are those built in");
static_assert(offsetof(struct pt_slot, data) == PT_SLOT_DATA, "");
static_assert(offsetof(struct pt_slot, target) == PT_SLOT_TARGET, "");

/* PT_BUILTIN_UNITS units of stubs in the library's text, and their slots in its .bss; where slots
 * are functions, both names are theirs. */
PT_HIDDEN extern const unsigned char pt_builtin_code[PT_BUILTIN_UNITS * PT_UNIT];
PT_HIDDEN extern struct pt_slot pt_builtin_slots[PT_BUILTIN_UNITS * PT_UNIT_STUBS];

/* One page-aligned unit whose slots lie PT_UNIT behind it, wherever it is mapped. Where slots are
 * functions, nothing is copied, and this is but a name. */
PT_HIDDEN extern const unsigned char pt_template_code[PT_UNIT];

/* Entries for bare trampolines; those for closures are chosen by the port (marshal.h). Where
 * functions have descriptors, an entry's name is that of its code: C does not call it. */
PT_HIDDEN extern void pt_entry_chain(void); /* target = record->handler, chain = record->userdata */
PT_HIDDEN extern void pt_entry_retired(void); /* the same from record->signature, record->label */
PT_HIDDEN extern void pt_entry_unprepared(void); /* calls record->kind->invoke, any result type */
PT_HIDDEN extern void pt_entry_probe(void);      /* returns the address of its slot */

/* A function, as targets of bare trampolines are: returns zeros. */
PT_HIDDEN extern void pt_entry_zero(void);

#endif
