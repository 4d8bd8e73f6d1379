/* Counts the calls of any C function whose type nobody knows: a pointer that is called in its place
 * passes everything on as it came, registers, stack and variable arguments, and so comes back what
 * the function returns. */
#ifndef COUNTING_H
#define COUNTING_H

#include <stdatomic.h>
#include <stddef.h>

#include "pytramp.h"

typedef void (*any_function)(void);

struct counted {
    atomic_size_t calls;
    any_function function;
};

/* *counting = a pointer that counts in *counted and goes on to function. The caller keeps *counted
 * until counting_stop has returned and no thread is on its way through the pointer: for the life of
 * the program, if it cannot know. Errors as pytramp_alloc. Async-signal-safe, and so is calling it.
 */
pytramp_status counting_start(any_function *counting, struct counted *counted,
                              any_function function);

/* What was started with *counted: from now on who still has the pointer calls the function itself,
 * uncounted, until another one is given out at that address, 1024 frees later or more. Errors as
 * pytramp_free. */
pytramp_status counting_stop(any_function counting, const struct counted *counted);

/* Replaces n pointers that lie one behind the other, a struct of callbacks, by counting ones; those
 * that are NULL stay so. All of them or, on failure, none. */
pytramp_status counting_start_table(void *table, struct counted *counted, size_t n);

/* Puts the functions back. */
void counting_stop_table(void *table, const struct counted *counted, size_t n);

#endif
