/* nearest ORIGIN NUMBER...: the numbers by their distance from the origin, nearest first. C's qsort
 * has no room for an origin: a closure brings it. */
#include <pytramp.h>

#include <stdio.h>
#include <stdlib.h>

static void compare(const pytramp_signature *signature, void *result, void *const *args,
                    void *userdata) {
    (void)signature;
    double origin = *(const double *)userdata, distances[2];
    for (int i = 0; i < 2; i++) {
        double number = **(const double *const *)args[i];
        distances[i] = number < origin ? origin - number : number - origin;
    }
    *(int *)result = (distances[0] > distances[1]) - (distances[0] < distances[1]);
}

static pytramp_status sort(double *numbers, size_t n, double origin) {
    const pytramp_type *args[] = {&pytramp_type_pointer, &pytramp_type_pointer};
    const pytramp_signature *comparison;
    void *code;
    pytramp_status status =
        pytramp_signature_new(&comparison, PYTRAMP_ABI_DEFAULT, &pytramp_type_int, 2, args);
    if (!status) status = pytramp_closure_new(&code, comparison, compare, &origin);
    if (status) return status;
    qsort(numbers, n, sizeof *numbers, (int (*)(const void *, const void *))code);
    return pytramp_closure_free(code);
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: %s ORIGIN NUMBER...\n", argv[0]);
        return 2;
    }
    size_t n = (size_t)argc - 2;
    double *numbers = malloc(n * sizeof *numbers);
    if (!numbers) return 1;
    for (size_t i = 0; i < n; i++)
        numbers[i] = strtod(argv[i + 2], NULL);
    pytramp_status status = sort(numbers, n, strtod(argv[1], NULL));
    if (status) fprintf(stderr, "nearest: %s\n", pytramp_status_text(status));
    for (size_t i = 0; !status && i < n; i++)
        printf("%g\n", numbers[i]);
    free(numbers);
    return status != PYTRAMP_OK;
}
