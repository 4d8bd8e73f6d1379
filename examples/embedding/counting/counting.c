#include "counting.h"

#include <assert.h>
#include <string.h>

/* counted_call.S knows where the two are. */
static_assert(sizeof(atomic_size_t) == sizeof(void *), "a count is a word");
static_assert(offsetof(struct counted, function) == sizeof(void *), "behind it the function");

extern void counted_call(void);

pytramp_status counting_start(any_function *counting, struct counted *counted,
                              any_function function) {
    void *code;
    if (!counting || !counted || !function) return PYTRAMP_E_NULL;
    pytramp_status status = pytramp_alloc(&code);
    if (status) return status;
    atomic_init(&counted->calls, 0);
    counted->function = function;
    status = pytramp_init(code, counted_call, counted);
    if (status)
        pytramp_free(code);
    else
        memcpy(counting, &code, sizeof code);
    return status;
}

/* A retired trampoline needs neither the count nor the assembler any more. */
pytramp_status counting_stop(any_function counting, const struct counted *counted) {
    void *code;
    if (!counted) return PYTRAMP_E_NULL;
    memcpy(&code, &counting, sizeof code);
    return pytramp_retire(code, counted->function, NULL);
}

/* The members of a struct of callbacks have types of their own: they are read and written as bytes.
 */
static any_function get(const void *table, size_t i) {
    any_function function;
    memcpy(&function, (const char *)table + i * sizeof function, sizeof function);
    return function;
}

static void put(void *table, size_t i, any_function function) {
    memcpy((char *)table + i * sizeof function, &function, sizeof function);
}

pytramp_status counting_start_table(void *table, struct counted *counted, size_t n) {
    if (!table || !counted) return PYTRAMP_E_NULL;
    for (size_t i = 0; i < n; i++) {
        any_function function = get(table, i), counting;
        counted[i].function = NULL;
        if (!function) continue;
        pytramp_status status = counting_start(&counting, &counted[i], function);
        if (status) {
            counted[i].function = NULL;
            counting_stop_table(table, counted, i);
            return status;
        }
        put(table, i, counting);
    }
    return PYTRAMP_OK;
}

void counting_stop_table(void *table, const struct counted *counted, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!counted[i].function) continue;
        any_function counting = get(table, i);
        put(table, i, counted[i].function);
        counting_stop(counting, &counted[i]);
    }
}
