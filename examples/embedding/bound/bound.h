/* C's callbacks that have no room for a context, with one: of qsort and bsearch, of signal, of
 * atexit.
 *
 * For each function: bound is written on success only, and a failure destroys nothing. Errors as
 * pytramp_closure_new; PYTRAMP_E_NULL for a NULL but as context or destroy. From any thread. */
#ifndef BOUND_H
#define BOUND_H

#include "pytramp.h"

/* ---- Comparisons ---- */

typedef int (*comparison)(const void *a, const void *b);
typedef int (*comparison_with)(const void *a, const void *b, void *context);

/* (*bound)(a, b) is function(a, b, context), until it is unbound; calls from then on return 0.
 * destroy may be NULL; it gets context once no call is inside any more, in the thread that unbinds
 * or in that of the last call. */
pytramp_status bind_comparison(comparison *bound, comparison_with function, void *context,
                               void (*destroy)(void *context));
pytramp_status unbind_comparison(comparison bound);

/* ---- Handlers of signals ---- */

typedef void (*signal_handler)(int number);

struct signal_binding {
    void (*function)(int number, void *context);
    void *context;
};

/* (*bound)(number) is binding->function(number, binding->context). Not async-signal-safe: bind
 * first, install then. The call is as safe as function. Nobody destroys anything in a handler, so
 * *binding and its context are the caller's: until it has installed another handler, has unbound
 * this one, and knows that no thread is inside. */
pytramp_status bind_signal(signal_handler *bound, const struct signal_binding *binding);
pytramp_status unbind_signal(signal_handler bound);

/* ---- The end of the program ---- */

/* atexit, for function(context), and then destroy(context) unless it is NULL. PYTRAMP_E_NO_MEMORY
 * where atexit refuses, too. */
pytramp_status at_exit_with(void (*function)(void *context), void *context,
                            void (*destroy)(void *context));

#endif
