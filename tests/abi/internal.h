/* Between the files of the harness: values.c, build.c, harness.c. */
#ifndef ABI_INTERNAL_H
#define ABI_INTERNAL_H

#include "harness.h"

#define MAX_SIZE   1024 /* of one value */
#define MAX_VALUES (ABI_MAX_ARGS * MAX_SIZE)

/* The case at hand. */
extern struct test *current;
extern const pytramp_signature *signature;
extern const char *variant;
extern int failed;

/* Masks of the bits that carry values: in test->values, and in the result. */
extern unsigned char masks[MAX_VALUES], result_mask[MAX_SIZE];

/* Prints the case and the reason, once per case; returns whether details should follow. */
int complain(const char *reason);

/* signatures.without_unnamed_bits says where this comes from. */
#if defined(__clang__) && __clang_major__ < 24 && defined(__x86_64__)
#  define ABI_UNNAMED_BITS_COUNT 0
#else
#  define ABI_UNNAMED_BITS_COUNT 1
#endif

/* ---- values.c ---- */

void seed_random(uint64_t seed);
uint64_t random64(void);
void fill_random(void *to, size_t size);

/* A value of this type, every other bit random. */
void fill(const struct shape *shape, unsigned char *to);

/* Marks the bits that carry the value: not padding, not the dead bytes of a long double. */
void cover(const struct shape *shape, unsigned char *mask);

/* The bits of one bit-field. */
void find_field(const struct shape *shape, size_t i, unsigned char *bits);

/* ---- build.c ---- */

/* The closure of a test, or its peer; its types, signature and places are checked. */
void *build(struct test *test);
void release(void *code);
void check_scalars(void);
void print_places(size_t i);

/* Prints where a convention has the test's values: with the CPU's own compiler's types in its own
 * place, or with this one's types under another machine's. */
void explain(struct test *test, const char *abi);

/* The list that a handler was given at `argument`, for a va_list argument or for "...". */
void copy_list(va_list *to, void *argument, int is_argument);

#endif
