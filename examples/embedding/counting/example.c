/* How often does a program call what, through a struct of callbacks that it was given? Nothing here
 * says the types of these functions to the counting. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "counting.h"

static struct library {
    double (*power)(double x, double y);
    int (*format)(char *text, size_t size, const char *format, ...);
    lldiv_t (*divide)(long long a, long long b);
    void (*unused)(void);
} library = {pow, snprintf, lldiv, NULL};

enum { N = sizeof library / sizeof(any_function) };

static const char *const names[N] = {"pow", "snprintf", "lldiv", "(none)"};

/* What has no idea of being observed. */
static int work(const struct library *use) {
    char text[64];
    double sum = 0;
    for (int i = 1; i <= 10; i++)
        sum += use->power(i, 0.5);
    lldiv_t parts = use->divide((long long)sum, 10);
    use->format(text, sizeof text, "%.3f %d %s %lld", sum, 7, "of", parts.quot + parts.rem);
    puts(text);
    return sum > 22.468 && sum < 22.469 && parts.quot == 2 && parts.rem == 2;
}

int main(void) {
    static struct counted counted[N];
    pytramp_status status = counting_start_table(&library, counted, N);
    if (status) {
        fprintf(stderr, "%s\n", pytramp_status_text(status));
        return 1;
    }
    int right = work(&library);
    counting_stop_table(&library, counted, N);
    right &= work(&library);
    for (int i = 0; i < N; i++)
        printf("%-8s %zu calls\n", names[i], atomic_load(&counted[i].calls));
    if (!right || counted[0].calls != 10 || counted[1].calls != 1 || counted[2].calls != 1)
        return 1;
    puts("right");
    return 0;
}
