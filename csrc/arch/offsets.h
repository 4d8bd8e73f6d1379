/* What the assembler of every CPU knows of slots (stubs.h) and records (pool.h), where C proves it.
 * For a CPU's frame.h, once that has defined PT_STUB_SIZE; nothing but #define. */
#ifndef PT_OFFSETS_H
#define PT_OFFSETS_H

#define PT_UNIT_STUBS    (PT_UNIT / PT_STUB_SIZE)
#define PT_BUILTIN_UNITS (PT_BUILTIN_STUBS / PT_UNIT_STUBS)

/* struct pt_slot */
#define PT_SLOT_SIZE PT_STUB_SIZE /* so slot = code + PT_UNIT in a grown pair */
#if PT_DESCRIPTORS
#  define PT_SLOT_DATA   PT_POINTER_SIZE
#  define PT_SLOT_TARGET 0
#else
#  define PT_SLOT_DATA   0
#  define PT_SLOT_TARGET PT_POINTER_SIZE
#endif

/* struct pt_record */
#define PT_RECORD_KIND      16
#define PT_RECORD_USERDATA  (PT_RECORD_KIND + 1 * PT_POINTER_SIZE)
#define PT_RECORD_HANDLER   (PT_RECORD_KIND + 2 * PT_POINTER_SIZE)
#define PT_RECORD_LABEL     (PT_RECORD_KIND + 3 * PT_POINTER_SIZE)
#define PT_RECORD_SIGNATURE (PT_RECORD_KIND + 4 * PT_POINTER_SIZE)
#define PT_RECORD_SIZE      64

#endif
