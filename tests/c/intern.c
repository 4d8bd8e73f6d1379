/* Sets: what is put in is found again, once, however many there are, whatever their hashes, and by
 * how many threads at once. */
#include "check.h"

#include <pthread.h>

#include "intern.h"

struct number {
    struct pt_node node;
    uint32_t value;
};

static int is_number(const struct pt_node *node, const void *wanted) {
    return ((const struct number *)node)->value == *(const uint32_t *)wanted;
}

static unsigned long looked_at;

static int is_number_counted(const struct pt_node *node, const void *wanted) {
    looked_at++;
    return is_number(node, wanted);
}

static uint32_t spread(uint32_t value) {
    return pt_hash_word(PT_HASH_SEED, value);
}

static struct number *numbers(size_t n) {
    struct number *made = malloc(n * sizeof *made);
    CHECK(made, "no memory");
    memset(made, 0xa5, n * sizeof *made); /* nodes need not be anything */
    for (size_t i = 0; i < n; i++)
        made[i].value = (uint32_t)i;
    return made;
}

static void fill(pt_set *set, struct number *all, size_t n, uint32_t (*hash)(uint32_t)) {
    for (size_t i = 0; i < n; i++) {
        uint32_t *value = &all[i].value;
        CHECK(!pt_interned(set, hash(*value), is_number_counted, value), "%zu is there already", i);
        struct pt_node *node = pt_intern(set, &all[i].node, hash(*value), is_number_counted, value);
        CHECK(node == &all[i].node, "%zu", i);
    }
}

static void check_all(pt_set *set, struct number *all, size_t n, uint32_t (*hash)(uint32_t)) {
    for (size_t i = 0; i < n; i++) {
        struct number other = {.value = (uint32_t)i};
        struct pt_node *there =
            pt_interned(set, hash(other.value), is_number_counted, &other.value);
        CHECK(there == &all[i].node, "%zu was lost", i);
        there = pt_intern(set, &other.node, hash(other.value), is_number_counted, &other.value);
        CHECK(there == &all[i].node, "%zu is there twice", i);
    }
    struct number none = {.value = (uint32_t)n};
    CHECK(!pt_interned(set, hash(none.value), is_number_counted, &none.value), "%zu", n);
}

/* With n nodes a way has some log4(n) of them, 9 here, at most 16 and those of the same hash. */
static unsigned depth_of(pt_set *set) {
    struct pt_node *node = atomic_load(set);
    unsigned deepest = 0;
    for (size_t i = 0; node && i < COUNT(node->below); i++) {
        unsigned depth = depth_of(&node->below[i]);
        if (depth > deepest) deepest = depth;
    }
    return node ? deepest + 1 : 0;
}

/* Only nodes of the same hash are looked at: nearly none but the one that is wanted. */
static void test_many(void) {
    enum { MANY = 200000 };
    static pt_set set;
    struct number *all = numbers(MANY);
    fill(&set, all, MANY, spread);
    check_all(&set, all, MANY, spread);
    CHECK(looked_at < 3ul * MANY, "%lu nodes were looked at", looked_at);
    CHECK(depth_of(&set) <= 18, "%u levels", depth_of(&set));
    free(all);
    say("%d numbers", MANY);
}

static uint32_t same(uint32_t value) {
    (void)value;
    return 0x80000001u;
}

static uint32_t ends(uint32_t value) {
    return value & 3;
}

static void test_collisions(void) {
    enum { SOME = 1000 };
    static pt_set alike, by_ends;
    struct number *all = numbers(SOME), *others = numbers(SOME);
    fill(&alike, all, SOME, same);
    check_all(&alike, all, SOME, same);
    fill(&by_ends, others, SOME, ends);
    check_all(&by_ends, others, SOME, ends);
    free(all);
    free(others);
    say("the same hash, and hashes that differ in their last bits");
}

/* ---- Threads: each brings all the numbers, one of each stays ---- */

enum { THREADS = 4, EACH = 20000 };

static pt_set shared;
static struct pt_node *kept[THREADS][EACH];
static pthread_barrier_t barrier;

static void *bring(void *mine) {
    struct pt_node **found = mine;
    struct number *all = numbers(EACH);
    for (uint32_t i = 0; i < EACH; i++) {
        if (i % 50 == 0)
            pthread_barrier_wait(&barrier); /* or one does it all before the next begins */
        found[i] = pt_intern(&shared, &all[i].node, spread(i), is_number, &all[i].value);
    }
    return all;
}

static void test_threads(void) {
    pthread_t threads[THREADS];
    struct number *all[THREADS];
    unsigned stayed[THREADS] = {0};
    CHECK(!pthread_barrier_init(&barrier, NULL, THREADS), "no barrier");
    for (size_t i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&threads[i], NULL, bring, kept[i]), "no thread");
    for (size_t i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        all[i] = result;
    }
    for (uint32_t n = 0; n < EACH; n++) {
        const struct number *number = (const struct number *)kept[0][n];
        CHECK(number->value == n, "%u, not %u", number->value, n);
        for (size_t i = 1; i < THREADS; i++)
            CHECK(kept[i][n] == kept[0][n], "%u is there twice", n);
        for (size_t i = 0; i < THREADS; i++)
            stayed[i] += number == &all[i][n];
    }
    for (size_t i = 0; i < THREADS; i++)
        free(all[i]);
    say("%d threads: %u, %u, %u and %u stayed", THREADS, stayed[0], stayed[1], stayed[2],
        stayed[3]);
}

int main(void) {
    test_many();
    test_collisions();
    test_threads();
    return 0;
}
