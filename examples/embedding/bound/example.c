/* A comparison with a modulus, a signal handler with a counter, a last word with its text. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "bound.h"

static int by_remainder(const void *a, const void *b, void *modulus) {
    long m = *(const long *)modulus, x = *(const long *)a % m, y = *(const long *)b % m;
    return (x > y) - (x < y);
}

static void count(int number, void *counter) {
    (void)number;
    ++*(volatile sig_atomic_t *)counter;
}

static void say(void *text) {
    puts(text);
}

static int refuse(pytramp_status status) {
    fprintf(stderr, "%s\n", pytramp_status_text(status));
    return 1;
}

/* Numbers sorted by their remainders of two moduli; the second is the closure's own. */
static pytramp_status sort(long *numbers, size_t n) {
    long modulus = 5, *owned = malloc(sizeof *owned);
    comparison first, second;
    if (!owned) return PYTRAMP_E_NO_MEMORY;
    *owned = 2;
    pytramp_status status = bind_comparison(&first, by_remainder, &modulus, NULL);
    if (!status) {
        qsort(numbers, n, sizeof *numbers, first);
        unbind_comparison(first);
        status = bind_comparison(&second, by_remainder, owned, free);
    }
    if (status) {
        free(owned);
        return status;
    }
    qsort(numbers + 1, n - 1, sizeof *numbers, second);
    return unbind_comparison(second);
}

int main(void) {
    static volatile sig_atomic_t interrupts;
    static const struct signal_binding counting = {count, (void *)&interrupts};
    long numbers[] = {9, 8, 6, 7, 5};
    signal_handler handler;
    pytramp_status status = at_exit_with(say, "right", NULL);
    if (!status) status = sort(numbers, 5);
    if (!status) status = bind_signal(&handler, &counting);
    if (status) return refuse(status);
    signal(SIGINT, handler);
    raise(SIGINT);
    signal(SIGINT, SIG_DFL);
    unbind_signal(handler);
    for (int i = 0; i < 5; i++)
        printf("%ld ", numbers[i]);
    printf("and %d interrupts\n", (int)interrupts);
    if (numbers[0] != 5 || numbers[2] % 2 || !(numbers[3] % 2) || interrupts != 1) _Exit(1);
    return 0;
}
