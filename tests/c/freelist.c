/* The stack and the ring of csrc/freelist.h, without a pool around them. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

#include "freelist.h"

#define INDEXES 6000u

static _Atomic uint32_t links[INDEXES + 1];

static _Atomic uint32_t *link_of(uint32_t index) {
    CHECK(index >= 1 && index <= INDEXES, "index %u was never pushed", index);
    return &links[index];
}

/* ---- The stack ---- */

static void test_stack_order(void) {
    struct pt_stack stack = {0};
    CHECK(pt_stack_pop(&stack, link_of) == PT_NO_INDEX, "a new stack is empty");
    for (uint32_t i = 1; i <= INDEXES; i++)
        pt_stack_push(&stack, i, link_of);
    for (uint32_t i = INDEXES; i >= 1; i--) {
        uint32_t got = pt_stack_pop(&stack, link_of);
        CHECK(got == i, "popped %u, %u was pushed last", got, i);
    }
    CHECK(pt_stack_pop(&stack, link_of) == PT_NO_INDEX, "everything was popped");
    say("stack: %u indexes, last in first out", INDEXES);
}

/* A head that a sleeping thread remembers must not come back, though its index does. */
static void test_stack_tag(void) {
    struct pt_stack stack = {0};
    pt_stack_push(&stack, 1, link_of);
    pt_stack_push(&stack, 2, link_of);
    uint64_t seen = stack.head;
    for (int i = 0; i < 1000; i++) {
        CHECK(pt_stack_pop(&stack, link_of) == 2, "round %d", i);
        pt_stack_push(&stack, 2, link_of);
        CHECK((uint32_t)stack.head == 2, "round %d", i);
        CHECK(stack.head != seen, "the same head after %d rounds", i + 1);
    }
    say("stack: the tag tells a head from its return");
}

/* The tag is in the high half only, its carry out of 2^32 is lost and touches nothing. */
static void test_stack_tag_wraps(void) {
    struct pt_stack stack = {(uint64_t)UINT32_MAX << 32};
    for (uint32_t i = 1; i <= 10; i++)
        pt_stack_push(&stack, i, link_of);
    for (uint32_t i = 10; i >= 1; i--)
        CHECK(pt_stack_pop(&stack, link_of) == i, "index %u", i);
    CHECK(pt_stack_pop(&stack, link_of) == PT_NO_INDEX, "everything was popped");
    say("stack: right across the end of the tag");
}

/* ---- The ring ---- */

static void check_exact_wait(uint32_t first_turn) {
    struct pt_ring *ring = calloc(1, sizeof *ring);
    ring->frees = first_turn;
    for (uint32_t i = 1; i <= INDEXES; i++) {
        uint32_t got = pt_ring_exchange(ring, i);
        uint32_t expected = i <= PT_QUARANTINE ? PT_NO_INDEX : i - PT_QUARANTINE;
        CHECK(got == expected, "turn %u + %u gave %u, not %u", first_turn, i - 1, got, expected);
    }
    CHECK(ring->frees == first_turn + INDEXES, "a turn was taken twice");
    free(ring);
}

static void test_ring_is_exact(void) {
    CHECK(PT_QUARANTINE == 1024, "what pytramp.h promises");
    check_exact_wait(0);
    check_exact_wait(UINT32_MAX - 2000);
    check_exact_wait((uint32_t)INT32_MAX - 2000);
    say("ring: each of %u indexes waited exactly %u frees, also where the counter wraps", INDEXES,
        PT_QUARANTINE);
}

static uint64_t cell(uint32_t turn, uint32_t index) {
    return (uint64_t)turn << 32 | index;
}

/* A thread that took turn `turn` and slept while another filled its cell at turn `later`. */
static void check_late_turn(uint32_t turn, uint32_t later) {
    struct pt_ring *ring = calloc(1, sizeof *ring);
    uint32_t at = turn % PT_QUARANTINE, next = (turn + 1) % PT_QUARANTINE;
    ring->waiting[at] = cell(later, 77);
    ring->waiting[next] = cell(turn + 1 - PT_QUARANTINE, 88);
    ring->frees = turn;
    CHECK(pt_ring_exchange(ring, 99) == 88, "turn %u pushed out a later free", turn);
    CHECK(ring->waiting[at] == cell(later, 77), "the later free of turn %u is gone", later);
    CHECK(ring->waiting[next] == cell(turn + 1, 99), "the free does not wait at its new turn");
    CHECK(ring->frees == turn + 2, "one more turn is taken");
    free(ring);
}

static void test_late_turns(void) {
    check_late_turn(1024, 2048);
    check_late_turn(5, 5 + PT_QUARANTINE);
    check_late_turn(UINT32_MAX - 100, UINT32_MAX - 100 + 3 * PT_QUARANTINE);
    check_late_turn(UINT32_MAX - 1024, (uint32_t)INT32_MAX / 2);
    say("ring: a late turn leaves a later free alone and takes a new turn");
}

static void test_old_and_empty_cells(void) {
    struct pt_ring *ring = calloc(1, sizeof *ring);
    ring->waiting[3] = cell(3, 55);
    ring->frees = 3 + PT_QUARANTINE;
    CHECK(pt_ring_exchange(ring, 66) == 55, "an old free is pushed out");
    ring->waiting[4] = cell(4000000, PT_NO_INDEX);
    CHECK(pt_ring_exchange(ring, 67) == PT_NO_INDEX, "an empty cell has no turn");
    CHECK(ring->waiting[4] == cell(4 + PT_QUARANTINE, 67), "it was filled");
    free(ring);
    say("ring: old frees leave, empty cells are filled");
}

/* ---- Threads ---- */

#define THREADS 4

static struct pt_stack shared_stack;
static struct pt_ring shared_ring;
static _Atomic uint32_t holder[INDEXES + 1]; /* who has it; 0: it is in a list */
static _Atomic uint32_t freed_at[INDEXES + 1];
static unsigned rounds = 300000;

static void take(uint32_t index, uint32_t self) {
    uint32_t before = atomic_exchange(&holder[index], self);
    CHECK(!before, "index %u came to thread %u while thread %u had it", index, self, before);
}

static void give(uint32_t index, uint32_t self) {
    uint32_t before = atomic_exchange(&holder[index], 0);
    CHECK(before == self, "index %u of thread %u belongs to %u", index, self, before);
}

/* Turns taken since `freed_at` include the one that pushes it out and PT_QUARANTINE before. */
static void push_out(uint32_t index) {
    if (index == PT_NO_INDEX) return;
    uint32_t waited = shared_ring.frees - freed_at[index];
    CHECK(waited > PT_QUARANTINE, "index %u waited only %u frees", index, waited - 1);
    pt_stack_push(&shared_stack, index, link_of);
}

static void *hammer(void *number) {
    uint32_t self = (uint32_t)(uintptr_t)number;
    uint64_t random = self * 7919;
    for (unsigned i = 0; i < rounds; i++) {
        uint32_t index = pt_stack_pop(&shared_stack, link_of);
        if (index == PT_NO_INDEX) continue;
        take(index, self);
        give(index, self);
        if (next_random(&random) % 8 == 0) {
            pt_stack_push(&shared_stack, index, link_of);
        } else {
            freed_at[index] = shared_ring.frees;
            push_out(pt_ring_exchange(&shared_ring, index));
        }
    }
    return NULL;
}

static void count_all(void) {
    uint32_t stacked = 0, waiting = 0, index;
    while ((index = pt_stack_pop(&shared_stack, link_of)) != PT_NO_INDEX) {
        take(index, 99);
        stacked++;
    }
    for (uint32_t i = 0; i < PT_QUARANTINE; i++) {
        index = (uint32_t)shared_ring.waiting[i];
        if (index == PT_NO_INDEX) continue;
        take(index, 99);
        waiting++;
    }
    CHECK(stacked + waiting == INDEXES, "%u in the stack and %u in the ring, not %u", stacked,
          waiting, INDEXES);
    say("threads: %u indexes, none lost, none twice (%u stacked, %u waiting, %u frees)", INDEXES,
        stacked, waiting, (unsigned)shared_ring.frees);
}

static void test_threads(void) {
    pthread_t threads[THREADS];
    for (uint32_t i = 1; i <= INDEXES; i++)
        pt_stack_push(&shared_stack, i, link_of);
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&threads[i], NULL, hammer, (void *)(i + 1)), "thread %zu", (size_t)i);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    count_all();
}

/* freelist [rounds per thread] */
int main(int argc, char **argv) {
    if (argc > 1) rounds = (unsigned)atoi(argv[1]);
    test_stack_order();
    test_stack_tag();
    test_stack_tag_wraps();
    test_ring_is_exact();
    test_late_turns();
    test_old_and_empty_cells();
    test_threads();
    return 0;
}
