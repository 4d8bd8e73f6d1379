/* Nested functions of GNU C as callbacks, without an executable stack and without code that is
 * written at run time: gcc 14 or newer, -ftrampoline-impl=heap, and nested.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sorts by the remainders: qsort has no room for the modulus, a nested function needs none. */
static void sort_by(long *numbers, size_t n, long modulus) {
    int compare(const void *a, const void *b) {
        long x = *(const long *)a % modulus, y = *(const long *)b % modulus;
        return (x > y) - (x < y);
    }
    qsort(numbers, n, sizeof *numbers, compare);
}

/* Each call has a function of its own, and they all exist at once. */
static long sum(long n, long (*outer)(void)) {
    long inner(void) {
        return n + outer();
    }
    return n ? sum(n - 1, inner) : inner();
}

static long nothing(void) {
    return 0;
}

static int is_writable_code(const char *line) {
    const char *rights = strchr(line, ' ');
    return rights && rights[2] == 'w' && rights[3] == 'x';
}

static int writable_code(void) {
    char line[512];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        found += is_writable_code(line);
    if (maps) fclose(maps);
    return found;
}

int main(void) {
    int before = writable_code(); /* some CPUs' stacks are, from the start */
    long numbers[] = {9, 4, 6, 7, 3};
    sort_by(numbers, 5, 5);
    for (int i = 0; i < 5; i++)
        printf("%ld ", numbers[i]);
    long total = sum(1000, nothing);
    int more = writable_code() - before;
    printf("\n%ld, and %d mappings became writable and executable\n", total, more);
    if (numbers[0] != 6 || numbers[3] % 5 != 4 || total != 500500 || more) return 1;
    puts("right");
    return 0;
}
