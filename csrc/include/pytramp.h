/* pytramp: C function pointers that carry state, without run-time code generation.
 *
 * This header is the whole C API. It needs neither Python nor any other file of pytramp (but
 * pytramp_prefix.h where PT_PREFIX is defined).
 *
 *     static void add(const pytramp_signature *s, void *result, void *const *args, void *data) {
 *         *(int *)result = *(int *)args[0] + *(int *)data;
 *     }
 *     const pytramp_type *args[] = {&pytramp_type_int};
 *     const pytramp_signature *sig;
 *     void *code;
 *     pytramp_signature_new(&sig, PYTRAMP_ABI_DEFAULT, &pytramp_type_int, 1, args);
 *     pytramp_closure_new(&code, sig, add, &offset);
 *     ((int (*)(int))code)(1);
 *     pytramp_closure_free(code);
 *
 * For every function, unless its comment says otherwise:
 *   - it may be called from any thread, with or without Python's GIL, in a forked child, and it
 *     neither raises nor reports: it returns a pytramp_status, PYTRAMP_OK being 0;
 *   - on failure it leaves its out parameters and the process as they were;
 *   - a NULL where an object is needed gives PYTRAMP_E_NULL. */
#ifndef PYTRAMP_H
#define PYTRAMP_H

#include <stddef.h>

#ifdef PT_PREFIX
#  include "pytramp_prefix.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Who makes a DLL of it defines PYTRAMP_API as __declspec(dllexport) first. */
#ifndef PYTRAMP_API
#  if defined(__GNUC__) && !defined(_WIN32)
#    define PYTRAMP_API __attribute__((visibility("default")))
#  else
#    define PYTRAMP_API
#  endif
#endif

#define PYTRAMP_VERSION_MAJOR 0
#define PYTRAMP_VERSION_MINOR 1

/* ---- Status ---- */

typedef enum pytramp_status {
    PYTRAMP_OK = 0,
    PYTRAMP_E_NULL,      /* a required argument is NULL */
    PYTRAMP_E_NO_MEMORY, /* malloc failed */
    PYTRAMP_E_NO_CODE,   /* growth gave no executable pages: pytramp_growth_error says why */
    PYTRAMP_E_BUSY,      /* a signal handler interrupted growth in its own thread: try later */
    PYTRAMP_E_FULL,      /* more closures than the pool can number */
    PYTRAMP_E_NOT_OURS,  /* the pointer is not a trampoline's address */
    PYTRAMP_E_FREED,     /* the trampoline was freed already */
    PYTRAMP_E_KIND,      /* a closure where a bare trampoline is needed, or the other way round */
    PYTRAMP_E_TYPE,      /* a type that cannot be passed or laid out so */
    PYTRAMP_E_ABI,       /* no such calling convention, or not this machine's */
    PYTRAMP_E_TOO_LARGE, /* sizes add up to more than an argument area can hold */
    PYTRAMP_E_CORRUPT,   /* pytramp_pool_check found a broken invariant */
    PYTRAMP_E_INVALID    /* an option or flag out of its range */
} pytramp_status;

/* A text for a status, never NULL, static. Async-signal-safe. */
PYTRAMP_API const char *pytramp_status_text(pytramp_status status);

/* ---- Trampolines ----
 *
 * A bare trampoline calls target with the caller's arguments untouched and data in GCC's static
 * chain register: r10 on x86-64, ecx on i386 (so target is cdecl or stdcall), r12 on 32-bit Arm;
 * x18 on AArch64, but x16 where the system has x18 (macOS, Android), and x17 on Windows. alloc,
 * init, retire, free, data and owns are async-signal-safe. */

/* *code = a new trampoline. Calling it before pytramp_init reports and returns zero, as those of
 * pytramp_free do, to callers of the system's own conventions.
 * PYTRAMP_E_NO_CODE, PYTRAMP_E_NO_MEMORY, PYTRAMP_E_BUSY, PYTRAMP_E_FULL. */
PYTRAMP_API pytramp_status pytramp_alloc(void **code);

/* Binds code. The caller owns data and keeps it alive until pytramp_free has returned and no call
 * is inside target. Binding again while another thread calls is not atomic: alloc another one. */
PYTRAMP_API pytramp_status pytramp_init(void *code, void (*target)(void), void *data);

/* Frees code. Calls to it return zero in the integer and vector result registers until the address
 * is handed out again, at least 1024 frees later. They take nothing off the stack: where i386's
 * callees do (stdcall; cdecl with a struct as result), use pytramp_retire. */
PYTRAMP_API pytramp_status pytramp_free(void *code);

/* Frees code, with target and data to run instead of the default until the address is reused. */
PYTRAMP_API pytramp_status pytramp_retire(void *code, void (*target)(void), void *data);

/* The data of a live bare trampoline, the userdata of a live closure; NULL for anything else. */
PYTRAMP_API void *pytramp_data(const void *code);

/* 1 when code is exactly the address of a trampoline of this copy of pytramp, live or freed. */
PYTRAMP_API int pytramp_owns(const void *code);

/* Grows now until at least this many trampolines can be handed out without another system call:
 * before seccomp, chroot or real-time work begins. Errors as pytramp_alloc. */
PYTRAMP_API pytramp_status pytramp_reserve(size_t closures);

/* ---- Growth ---- */

#define PYTRAMP_GROW_MREMAP  1u /* the kernel maps the template again: Linux 5.13, macOS */
#define PYTRAMP_GROW_FILE    2u /* the library's own file, mapped again; on Windows, as an image */
#define PYTRAMP_GROW_MEMFD   4u /* a sealed memfd with the same bytes; only where asked for */
#define PYTRAMP_GROW_MEMORY  8u /* plain memory: where functions are data (PowerPC, ELF V1) */
#define PYTRAMP_GROW_DEFAULT (PYTRAMP_GROW_MREMAP | PYTRAMP_GROW_FILE | PYTRAMP_GROW_MEMORY)

/* Which steps growth may take, always in the order above; 0 forbids growth. The environment
 * variable PYTRAMP_GROWTH (names joined by commas: "mremap,file,memfd", or "none") sets it at the
 * first growth unless this call came before. PYTRAMP_E_INVALID for unknown bits; what a system does
 * not have is left out. */
PYTRAMP_API pytramp_status pytramp_set_growth(unsigned steps);
PYTRAMP_API unsigned pytramp_get_growth(void);

/* Makes, checks and drops one page pair by exactly this step, to learn whether it would work here.
 * On failure text (size bytes, may be NULL) gets the reason. */
PYTRAMP_API pytramp_status pytramp_try_growth(unsigned step, char *text, size_t size);

/* Writes why this process's latest growth failed, step by step, and what PYTRAMP_GROWTH says that
 * is no step's name; "" for neither. Returns the length of the whole text, as snprintf does. */
PYTRAMP_API size_t pytramp_growth_error(char *text, size_t size);

typedef struct pytramp_statistics {
    size_t size;         /* set by the caller to sizeof: fields beyond it are left alone */
    size_t capacity;     /* slots that exist */
    size_t builtin;      /* ... of these, in the library's own pages */
    size_t live;         /* handed out now */
    size_t quarantined;  /* freed, waiting for 1024 later frees */
    size_t reusable;     /* freed, waited long enough */
    size_t untouched;    /* never handed out */
    size_t mremap_pairs; /* page pairs by the growth step that made them */
    size_t file_pairs;
    size_t memfd_pairs;
    size_t memory_pairs;
    size_t late_calls; /* closures called after they were freed, and what was called before it was
                          prepared: what was reported, once each */
} pytramp_statistics;

/* Fills *statistics. Counts are exact at rest, approximate while other threads allocate. */
PYTRAMP_API pytramp_status pytramp_stats(pytramp_statistics *statistics);

/* Verifies every invariant of the pool: only while no other thread uses pytramp. On
 * PYTRAMP_E_CORRUPT text (may be NULL) says which one broke. */
PYTRAMP_API pytramp_status pytramp_pool_check(char *text, size_t size);

/* ---- Types ---- */

/* Immutable, interned and immortal: equal layouts are the same pointer, nothing is ever freed. */
typedef struct pytramp_type pytramp_type;

PYTRAMP_API extern const pytramp_type pytramp_type_void;
PYTRAMP_API extern const pytramp_type pytramp_type_bool;
PYTRAMP_API extern const pytramp_type pytramp_type_char;
PYTRAMP_API extern const pytramp_type pytramp_type_schar;
PYTRAMP_API extern const pytramp_type pytramp_type_uchar;
PYTRAMP_API extern const pytramp_type pytramp_type_short;
PYTRAMP_API extern const pytramp_type pytramp_type_ushort;
PYTRAMP_API extern const pytramp_type pytramp_type_int;
PYTRAMP_API extern const pytramp_type pytramp_type_uint;
PYTRAMP_API extern const pytramp_type pytramp_type_long;
PYTRAMP_API extern const pytramp_type pytramp_type_ulong;
PYTRAMP_API extern const pytramp_type pytramp_type_longlong;
PYTRAMP_API extern const pytramp_type pytramp_type_ulonglong;
#ifdef __SIZEOF_INT128__ /* on 64-bit CPUs */
PYTRAMP_API extern const pytramp_type pytramp_type_int128;
PYTRAMP_API extern const pytramp_type pytramp_type_uint128;
#endif
PYTRAMP_API extern const pytramp_type pytramp_type_wchar;
PYTRAMP_API extern const pytramp_type pytramp_type_char16;
PYTRAMP_API extern const pytramp_type pytramp_type_char32;
PYTRAMP_API extern const pytramp_type pytramp_type_float16; /* _Float16 */
PYTRAMP_API extern const pytramp_type pytramp_type_float;
PYTRAMP_API extern const pytramp_type pytramp_type_double;
PYTRAMP_API extern const pytramp_type pytramp_type_longdouble;
PYTRAMP_API extern const pytramp_type pytramp_type_complex_float;
PYTRAMP_API extern const pytramp_type pytramp_type_complex_double;
PYTRAMP_API extern const pytramp_type pytramp_type_complex_longdouble;
PYTRAMP_API extern const pytramp_type pytramp_type_pointer;

/* The scalar type with this C spelling ("unsigned int", "_Complex double"); NULL for none. */
PYTRAMP_API const pytramp_type *pytramp_type_named(const char *spelling);
PYTRAMP_API const char *pytramp_type_spelling(const pytramp_type *type);
PYTRAMP_API size_t pytramp_type_size(const pytramp_type *type);
PYTRAMP_API size_t pytramp_type_alignment(const pytramp_type *type);

typedef struct pytramp_member {
    const pytramp_type *type;
    size_t count;  /* elements: 1 for a plain member, n for an array of n */
    size_t offset; /* in bytes; read by pytramp_type_layout and _layout_ex only */
} pytramp_member;

/* The count of `float x[1]`, which some conventions (s390x, mips_n64) pass in another way than a
 * plain `float x`. */
#define PYTRAMP_ARRAY_OF_ONE ((size_t)-2)

/* *type = the struct with these members, laid out as C does; pack, when not 0, is the greatest
 * alignment a member gets (#pragma pack(n); 1 is __attribute__((packed))). The caller keeps
 * members. No members make GNU C's empty struct, of size 0. PYTRAMP_E_TYPE for a member of type
 * void, a zero count or a pack that is no power of two; PYTRAMP_E_TOO_LARGE; PYTRAMP_E_NO_MEMORY.
 */
PYTRAMP_API pytramp_status pytramp_type_struct(const pytramp_type **type, size_t nmembers,
                                               const pytramp_member *members, size_t pack);
PYTRAMP_API pytramp_status pytramp_type_union(const pytramp_type **type, size_t nmembers,
                                              const pytramp_member *members, size_t pack);

/* *type = an aggregate whose size, alignment and offsets are known already, from ctypes or from a
 * compiler. Members may come in any order; such as overlap, bit-fields aside, make it a union to
 * every ABI. PYTRAMP_E_TYPE where a member reaches beyond size. */
PYTRAMP_API pytramp_status pytramp_type_layout(const pytramp_type **type, size_t size,
                                               size_t alignment, size_t nmembers,
                                               const pytramp_member *members);

/* All that is known of an aggregate. natural is the greatest alignment of a member, with the
 * attributes of members and without those of the whole: Arm's conventions pass a type by it; 0
 * where it is not known, and such conventions then refuse a type whose alignment is more than its
 * members' types ask for. Some conventions pass { double } in another way than a union of one
 * double. */
typedef struct pytramp_layout {
    size_t struct_size; /* sizeof(pytramp_layout) */
    size_t size, alignment, natural;
    int is_union;
    size_t nmembers;
    const pytramp_member *members;
} pytramp_layout;

/* Like pytramp_type_layout. PYTRAMP_E_TYPE for a natural that is no power of two or above
 * alignment, too; PYTRAMP_E_INVALID for a struct_size that is too small. */
PYTRAMP_API pytramp_status pytramp_type_layout_ex(const pytramp_type **type,
                                                  const pytramp_layout *layout);

/* The type of a member that is one bit-field, for these two: an integer of the n bytes that hold
 * any bit of it, at the offset of the first of them; bit-fields may share bytes. n is 1 to 16: NULL
 * for others. Arguments and results cannot have it: PYTRAMP_E_TYPE. */
PYTRAMP_API const pytramp_type *pytramp_type_bits(size_t n);

/* ---- Signatures ---- */

typedef enum pytramp_abi {
    PYTRAMP_ABI_DEFAULT = 0,         /* this machine's */
    PYTRAMP_ABI_SYSV_X86_64 = 1,     /* System V, x86-64 */
    PYTRAMP_ABI_WIN64 = 2,           /* Windows, x86-64 */
    PYTRAMP_ABI_CDECL_X86 = 3,       /* System V, i386 */
    PYTRAMP_ABI_STDCALL_X86 = 4,     /* by attribute, as ELF systems have it: Windows returns */
    PYTRAMP_ABI_FASTCALL_X86 = 5,    /* small structs in registers */
    PYTRAMP_ABI_THISCALL_X86 = 6,    /* ... */
    PYTRAMP_ABI_AAPCS64 = 7,         /* Arm, 64-bit */
    PYTRAMP_ABI_AAPCS64_APPLE = 8,   /* ... as Apple has it */
    PYTRAMP_ABI_AAPCS64_WINDOWS = 9, /* ... as Windows has it */
    PYTRAMP_ABI_AAPCS32 = 10,        /* Arm, 32-bit, hard float */
    PYTRAMP_ABI_RISCV = 11,          /* RISC-V lp64d */
    PYTRAMP_ABI_ELFV2_PPC64 = 12,    /* 64-bit PowerPC, either byte order */
    PYTRAMP_ABI_ELFV1_PPC64 = 13,    /* ... big-endian glibc's */
    PYTRAMP_ABI_S390X = 14,          /* IBM Z */
    PYTRAMP_ABI_LOONGARCH = 15,      /* LoongArch lp64d */
    PYTRAMP_ABI_MIPS_N64 = 16        /* MIPS64 n64 */
} pytramp_abi;

/* The names of the conventions in turn ("default" first), NULL after the last one. */
PYTRAMP_API const char *pytramp_abi_name(size_t i);

/* PYTRAMP_E_ABI for a name that is not among them. */
PYTRAMP_API pytramp_status pytramp_abi_named(pytramp_abi *abi, const char *name);

/* What a C function type is, with the place of each value worked out. Interned and immortal. */
typedef struct pytramp_signature pytramp_signature;

/* *signature = result (args[0], ..., args[nargs - 1]). The caller keeps args. A signature of an ABI
 * that is not this machine's can be explained, not called. PYTRAMP_E_TYPE for an argument of type
 * void or of a type that the ABI cannot pass, PYTRAMP_E_ABI, PYTRAMP_E_TOO_LARGE,
 * PYTRAMP_E_NO_MEMORY. */
PYTRAMP_API pytramp_status pytramp_signature_new(const pytramp_signature **signature,
                                                 pytramp_abi abi, const pytramp_type *result,
                                                 size_t nargs, const pytramp_type *const *args);

/* The same for result (args[0], ..., args[nargs - 1], ...). Its handlers find a va_list behind the
 * named arguments: *(va_list *)args[nargs]. PYTRAMP_E_TYPE where nargs is 0: C before C23 has no
 * such function, and no va_start for it. */
PYTRAMP_API pytramp_status pytramp_signature_new_variadic(const pytramp_signature **signature,
                                                          pytramp_abi abi,
                                                          const pytramp_type *result, size_t nargs,
                                                          const pytramp_type *const *args);

/* Where a value lives. The places of one value, in the order of their offsets, cover it. */
typedef struct pytramp_place {
    const char *name; /* a register ("rdi", "xmm0", "st0"), or "stack" */
    size_t offset;    /* of this part within the value */
    size_t size;      /* of this part */
    size_t stack;     /* for "stack": bytes above the first memory argument */
} pytramp_place;

#define PYTRAMP_MAX_PLACES 9 /* eight registers, and the rest in memory */
#define PYTRAMP_RESULT     ((size_t)-1)

/* Fills places for argument i, or for the result with i = PYTRAMP_RESULT, and *n with their count
 * (0 for void and empty structs). *by_reference is 1 where the places hold the address of the
 * value: for a result, the hidden pointer that the caller passes. PYTRAMP_E_INVALID: i is out of
 * range. */
PYTRAMP_API pytramp_status pytramp_signature_explain(const pytramp_signature *signature, size_t i,
                                                     pytramp_place places[PYTRAMP_MAX_PLACES],
                                                     size_t *n, int *by_reference);

/* ---- Closures ---- */

/* Called for each call of the closure's code, in the caller's thread. args[i] points at argument i
 * as C would store it in a variable of its type; it may be modified and dies on return. So does the
 * va_list at args[nargs] of a variadic signature, which begins behind the named arguments. result
 * points at a variable of the result type, preset to the error value, not widened to a register (as
 * libffi has it): write exactly sizeof(type) bytes. For void, result may not be written.
 *
 * A C++ exception, thread cancellation, pthread_exit and longjmp may pass from a handler to C's
 * caller and beyond, if that is compiled for it; a call then loses the block of memory that held
 * its arguments, which one has with more than 31 of them, or with more than 256 bytes of such as
 * came in several pieces. Not so from Python callbacks. */
typedef void (*pytramp_handler)(const pytramp_signature *signature, void *result, void *const *args,
                                void *userdata);

typedef struct pytramp_closure_options {
    size_t size; /* sizeof(pytramp_closure_options) */
    pytramp_handler handler;
    void *userdata;
    const char *name;  /* for reports; NULL or a string that is never freed */
    const void *error; /* a value of the result type for calls after free, NULL for zeros; copied */
    /* NULL, or called once with userdata after pytramp_closure_free, when no call is inside handler
     * any more: in the thread that frees, or in that of the last call. Not by a call that was left
     * by an exception or longjmp, nor in a forked child by those of threads that are not there. */
    void (*destroy)(void *userdata);
} pytramp_closure_options;

/* *code = a C function of the given type that runs handler. The caller owns userdata and keeps it
 * until pytramp_closure_free has returned and no call is inside handler, or lets the closure
 * destroy it; after a failure it is the caller's. Errors as pytramp_alloc; PYTRAMP_E_ABI for a
 * signature that is not this machine's, PYTRAMP_E_INVALID for a size that is too small.
 * Async-signal-safe once a closure of this signature was made, unless it copies an error value of
 * more than eight bytes or has a destroy. */
PYTRAMP_API pytramp_status pytramp_closure_new(void **code, const pytramp_signature *signature,
                                               pytramp_handler handler, void *userdata);
PYTRAMP_API pytramp_status pytramp_closure_new_ex(void **code, const pytramp_signature *signature,
                                                  const pytramp_closure_options *options);

/* Frees code. Calls already inside the handler finish; later ones get the error value, and the
 * first of them is reported through the hook, until the address is handed out again, at least 1024
 * frees later. PYTRAMP_E_NOT_OURS, PYTRAMP_E_FREED, PYTRAMP_E_KIND. Async-signal-safe, if destroy
 * is. */
PYTRAMP_API pytramp_status pytramp_closure_free(void *code);

/* Told of the first call after a closure was freed, of the first one before a closure or trampoline
 * was prepared, and of calls for whose arguments there is no memory, in the thread that called.
 * what is a text for people. The default writes a line to stderr; NULL restores it. It uses stdio,
 * and the text was made with snprintf: a closure that is a signal handler is freed after another
 * one was installed.
 */
typedef void (*pytramp_late_call_hook)(const void *code, const char *what);
PYTRAMP_API void pytramp_set_late_call_hook(pytramp_late_call_hook hook);

#ifdef __cplusplus
}
#endif
#endif
