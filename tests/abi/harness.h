/* What the files that generate.py writes are made of: shapes (C types as data), cases (signatures
 * as data) and the macros around a call. The compiler gives every size, alignment and offset. */
#ifndef ABI_HARNESS_H
#define ABI_HARNESS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <uchar.h>
#include <wchar.h>

#include "pytramp.h"

/* Where the psABI says so, or Windows' documents, narrow values may be passed with garbage above
 * them, and a hidden result pointer is an ordinary first argument that comes back as the result. */
#if defined(__x86_64__)
#  define ABI_DIRTY  1
#  define ABI_HIDDEN 1
#elif defined(__aarch64__) && !defined(__APPLE__)
#  define ABI_DIRTY  1
#  define ABI_HIDDEN 0
#else
#  define ABI_DIRTY  0
#  define ABI_HIDDEN 0
#endif

/* A larger result is in memory. */
#ifdef _WIN64
#  define ABI_LARGEST 8
#else
#  define ABI_LARGEST 16
#endif

/* Conventions that a function has by an attribute, where the compiler knows them. */
#define ABI_CALL_plain
#define ABI_CODE_plain PYTRAMP_ABI_DEFAULT
#if defined(__i386__)
#  define ABI_CALL_stdcall  __attribute__((stdcall))
#  define ABI_CODE_stdcall  PYTRAMP_ABI_STDCALL_X86
#  define ABI_CALL_fastcall __attribute__((fastcall))
#  define ABI_CODE_fastcall PYTRAMP_ABI_FASTCALL_X86
#  define ABI_CALL_thiscall __attribute__((thiscall))
#  define ABI_CODE_thiscall PYTRAMP_ABI_THISCALL_X86
#else
#  define ABI_CALL_stdcall
#  define ABI_CODE_stdcall PYTRAMP_ABI_DEFAULT
#  define ABI_CALL_fastcall
#  define ABI_CODE_fastcall PYTRAMP_ABI_DEFAULT
#  define ABI_CALL_thiscall
#  define ABI_CODE_thiscall PYTRAMP_ABI_DEFAULT
#endif
#if defined(__x86_64__) && !defined(_WIN32)
#  define ABI_CALL_ms_abi __attribute__((ms_abi))
#  define ABI_CODE_ms_abi PYTRAMP_ABI_WIN64
#else
#  define ABI_CALL_ms_abi
#  define ABI_CODE_ms_abi PYTRAMP_ABI_DEFAULT
#endif

enum colour { RED = -1, GREEN, BLUE };

typedef signed char signed_char;
typedef unsigned char unsigned_char;
typedef unsigned short unsigned_short;
typedef unsigned int unsigned_int;
typedef unsigned long unsigned_long;
typedef long long long_long;
typedef unsigned long long unsigned_long_long;
typedef long double long_double;
typedef _Complex float complex_float;
typedef _Complex double complex_double;
typedef _Complex long double complex_long_double;
typedef void *pointer;
typedef enum colour colour;

#ifdef __SIZEOF_INT128__
typedef __int128 int128;
typedef unsigned __int128 unsigned_int128;
#  define ABI_INT128(S)                                                                            \
      S(int128, __int128, int128, INTEGER, 1)                                                      \
      S(unsigned_int128, unsigned __int128, uint128, INTEGER, 1)
#else
#  define ABI_INT128(S)
#endif

#ifdef __FLT16_MAX__
typedef _Float16 float16;
#  define ABI_FLOAT16(S) S(float16, _Float16, float16, FLOAT16, 1)
#else
#  define ABI_FLOAT16(S)
#endif

#define ABI_GREATER(a, b) ((a) > (b) ? (a) : (b))

/* S(name, C type, pytramp type, kind of its leaves, how many leaves) */
#define ABI_SCALARS(S)                                                                             \
    S(bool, _Bool, bool, BOOLEAN, 1)                                                               \
    S(char, char, char, INTEGER, 1)                                                                \
    S(signed_char, signed char, schar, INTEGER, 1)                                                 \
    S(unsigned_char, unsigned char, uchar, INTEGER, 1)                                             \
    S(short, short, short, INTEGER, 1)                                                             \
    S(unsigned_short, unsigned short, ushort, INTEGER, 1)                                          \
    S(int, int, int, INTEGER, 1)                                                                   \
    S(unsigned_int, unsigned int, uint, INTEGER, 1)                                                \
    S(colour, enum colour, int, INTEGER, 1)                                                        \
    S(long, long, long, INTEGER, 1)                                                                \
    S(unsigned_long, unsigned long, ulong, INTEGER, 1)                                             \
    S(long_long, long long, longlong, INTEGER, 1)                                                  \
    S(unsigned_long_long, unsigned long long, ulonglong, INTEGER, 1)                               \
    ABI_INT128(S)                                                                                  \
    S(wchar_t, wchar_t, wchar, INTEGER, 1)                                                         \
    S(char16_t, char16_t, char16, INTEGER, 1)                                                      \
    S(char32_t, char32_t, char32, INTEGER, 1)                                                      \
    ABI_FLOAT16(S)                                                                                 \
    S(float, float, float, FLOAT, 1)                                                               \
    S(double, double, double, DOUBLE, 1)                                                           \
    S(long_double, long double, longdouble, LONG_DOUBLE, 1)                                        \
    S(complex_float, _Complex float, complex_float, FLOAT, 2)                                      \
    S(complex_double, _Complex double, complex_double, DOUBLE, 2)                                  \
    S(complex_long_double, _Complex long double, complex_longdouble, LONG_DOUBLE, 2)               \
    S(pointer, void *, pointer, INTEGER, 1)

enum kind { VOID, BOOLEAN, INTEGER, FLOAT16, FLOAT, DOUBLE, LONG_DOUBLE, LIST, STRUCT, UNION };

struct member {
    struct shape *shape;
    size_t count, offset;
    int is_array;
};

/* A bit-field of a width. C has no offsetof for it: where it is shows in the bits that set changes
 * in zeros. */
struct field {
    void (*set)(void *to); /* to all ones */
    int named;
};

#define ABI_MAX_BITS 128 /* bytes of an aggregate with bit-fields */

struct shape {
    const char *text;
    enum kind kind;
    size_t leaves; /* of a scalar */
    size_t size, alignment;
    size_t nmembers; /* of a struct or union, without bit-fields */
    const struct member *members;
    size_t nfields;
    const struct field *fields;
    size_t pack;
    size_t natural;  /* the alignment without an attribute of the whole, 0 where there is none */
    int layout;      /* built by pytramp_type_layout, not _struct or _union */
    int only_layout; /* nothing else can say a raised alignment, or bit-fields */
    const pytramp_type *type;
};

#define ABI_DECLARE(name, ctype, symbol, kind, leaves) extern struct shape shape_##name;
ABI_SCALARS(ABI_DECLARE)
extern struct shape shape_void, shape_va_list;

struct value {
    struct shape *shape;
    size_t offset; /* in the case's values */
};

#define ABI_CANARY 16

/* One signature. values is a struct with one member per argument and per extra value (of "...", or
 * of a va_list among the arguments), result the returned value and ABI_CANARY more bytes. */
struct test {
    const char *text;
    unsigned number;
    pytramp_abi abi;
    struct shape *result;
    size_t nargs;
    const struct value *args;
    int variadic;
    size_t nextra;
    const struct value *extra;
    /* Reads the extra values into a copy of values; with port, aggregates by pytramp's port. */
    void (*read)(va_list *list, void *values, int port);
    void *values;
    size_t values_size;
    void *result_bytes;
    void (*plain)(void (*code)(void)); /* calls code with its real type */
    void (*dirty)(void (*code)(void)); /* see ABI_DIRTY; NULL where it would be the same */
    void (*peer)(void);                /* the same function, compiled: the control experiment */
};

#define ABI_MAX_ARGS 40

/* Argument i with random bits above it, for dirty callers. */
extern union wide {
    unsigned_long_long word;
    double real;
} abi_wide[ABI_MAX_ARGS];

extern void *abi_hidden; /* what a callee with a hidden result pointer returned */

/* Values that have to survive a call; as many as there are callee-saved registers, on x86-64 those
 * of Windows. */
#ifdef __x86_64__
#  define ABI_KEEP_WORDS(K) K(0) K(1) K(2) K(3) K(4) K(5) K(6) K(7)
#  define ABI_KEEP_REALS(K) K(0) K(1) K(2) K(3) K(4) K(5) K(6) K(7) K(8) K(9)
#else
#  define ABI_KEEP_WORDS(K) K(0) K(1) K(2) K(3) K(4) K(5)
#  define ABI_KEEP_REALS(K)
#endif
#define ABI_KEPT_WORDS 8
#define ABI_KEPT_REALS 10
extern volatile unsigned long long abi_keep[ABI_KEPT_WORDS];
extern volatile double abi_keep_real[ABI_KEPT_REALS];
extern int abi_kept;
extern int abi_widened; /* a narrow result became a wide one rightly */

#define ABI_KEEP_WORD(i) unsigned long long k##i = abi_keep[i];
#define ABI_KEEP_REAL(i) double r##i = abi_keep_real[i];
#define ABI_KEPT_WORD(i) &(k##i == abi_keep[i])
#define ABI_KEPT_REAL(i) &(r##i == abi_keep_real[i])
#define ABI_KEEP         ABI_KEEP_WORDS(ABI_KEEP_WORD) ABI_KEEP_REALS(ABI_KEEP_REAL)
#define ABI_KEPT         abi_kept = 1 ABI_KEEP_WORDS(ABI_KEPT_WORD) ABI_KEEP_REALS(ABI_KEPT_REAL);

/* A compiler may rely on how a callee extends a narrow result: then this shows, where it widens the
 * value itself or compares whole registers. */
#define ABI_WIDENED(type, given, stored)                                                           \
    abi_widened = (long long)(given) == (long long)*(volatile type *)&(stored) &&                  \
                  (given) == *(volatile type *)&(stored);

extern volatile long long abi_ones; /* -1 */

/* Reads an aggregate by pytramp's port. */
void abi_take(va_list *list, struct shape *shape, void *to);

/* The handler of every case. */
void abi_handle(const pytramp_signature *signature, void *result, void *const *args, void *test);

int abi_main(int argc, char **argv, const char *seed, const char *compiler, struct test *tests,
             size_t ntests);

#define ABI_TEXT2(x) #x
#define ABI_TEXT(x)  ABI_TEXT2(x)
#if defined(__clang__)
#  define ABI_COMPILER                                                                             \
      "clang " ABI_TEXT(__clang_major__) "." ABI_TEXT(__clang_minor__) "." ABI_TEXT(               \
          __clang_patchlevel__)
#else
#  define ABI_COMPILER                                                                             \
      "gcc " ABI_TEXT(__GNUC__) "." ABI_TEXT(__GNUC_MINOR__) "." ABI_TEXT(__GNUC_PATCHLEVEL__)
#endif

#endif
