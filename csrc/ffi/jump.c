#include "jump.h"

#include <assert.h>
#include <string.h>

#include "cpu.h"

/* ELF V1's, as doublewords: code, table of contents, environment. */
#define DESCRIPTOR 24

static_assert(!PT_DESCRIPTORS || DESCRIPTOR <= FFI_TRAMPOLINE_SIZE, "");

static void write_instructions(unsigned char *to, uintptr_t at, uintptr_t word) {
    size_t size = pt_ffi_cpu.jump_size;
    if (pt_ffi_cpu.is_relative) word -= at + size + sizeof word;
    memcpy(to, pt_ffi_cpu.jump, size);
    memcpy(to + size, &word, sizeof word);
}

static void flush(char *at) {
    __builtin___clear_cache(at, at + FFI_TRAMPOLINE_SIZE);
}

void pt_ffi_write_jump(ffi_closure *closure, void *codeloc, const void *code) {
    if (PT_DESCRIPTORS) {
        memcpy(closure->tramp, code, DESCRIPTOR);
        return;
    }
    write_instructions((unsigned char *)closure->tramp, (uintptr_t)codeloc, (uintptr_t)code);
    flush(closure->tramp);
    /* An instruction cache may know the bytes by the address that they are executed at. */
    if (codeloc != closure) flush(codeloc);
}
