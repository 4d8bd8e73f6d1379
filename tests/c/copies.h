/* What copy.c has for each copy of pytramp, in a program or as a library's exports. */
#ifndef COPY_PREFIX
#  define COPY_PREFIX PT_PREFIX
#endif

#define COPY_OF_(prefix, name) prefix##name
#define COPY_OF(prefix, name)  COPY_OF_(prefix, name)
#define COPY(name)             COPY_OF(COPY_PREFIX, name)

#define COPY_EXPORT __attribute__((visibility("default")))
#define DECLARE_COPY(prefix)                                                                       \
    COPY_EXPORT void *COPY_OF(prefix, adder)(int *n);                                              \
    COPY_EXPORT int COPY_OF(prefix, owns)(void *code);                                             \
    COPY_EXPORT int COPY_OF(prefix, free)(void *code);                                             \
    COPY_EXPORT int COPY_OF(prefix, is_sound)(void);

DECLARE_COPY(one_)
DECLARE_COPY(two_)
