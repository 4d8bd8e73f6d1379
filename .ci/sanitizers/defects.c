/* What each mode of .ci/sanitize must find: a leg that finds nothing here would find nothing at all. */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static char *volatile kept;

void leak(void) {
    kept = malloc(1000);
    kept = NULL;
}

void overflow(void) {
    kept = malloc(10);
    kept[10] = 1;
    free(kept);
}

static int counter;

static void *count(void *unused) {
    (void)unused;
    for (int i = 0; i < 100000; i++) counter++;
    return NULL;
}

void race(void) {
    pthread_t other;
    if (pthread_create(&other, NULL, count, NULL)) return;
    count(NULL);
    pthread_join(other, NULL);
}

int uninitialised(void) {
    kept = malloc(10);
    int result = kept[5] ? 1 : 2;
    free(kept);
    return result;
}
