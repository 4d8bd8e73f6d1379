/* The pool under threads: workers make, call and free everything at random, callers call what was
 * just freed, a watcher reserves and counts, a forker forks; and then every invariant holds.
 *
 * A freed address may be called as long as fewer than WAITING_FREES frees came after it. Workers
 * see to that: each hands the address to a caller through its mailbox and writes down the ticket of
 * its free, and no free goes ahead whose ticket is more than GAP after that of an open mailbox.
 *
 * The test's own atomics are relaxed wherever they can be: nothing but the pool itself may order
 * what one thread does with a slot before what the next one does, or ThreadSanitizer would be
 * blind. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

#include "support.h"

#define WORKERS 4
#define CALLERS 2
#define MOST    4000 /* trampolines of one worker; all of them need growth */
#define GAP     (WAITING_FREES - 4 * WORKERS)

#define GET(at)        atomic_load_explicit(&(at), memory_order_relaxed)
#define SET(at, value) atomic_store_explicit(&(at), (value), memory_order_relaxed)
#define ADD(at, n)     atomic_fetch_add_explicit(&(at), (n), memory_order_relaxed)

static unsigned steps = 60000;

/* Slots that the workers share before anything grows: where there are more, the others are taken.
 */
#define SHARED 8192

LEAKS_IN_GROWN_RECORDS("keep_error")

/* ---- Three kinds of trampolines that know their number ---- */

enum kind { SIMPLE, LARGE, BARE, KINDS };

struct item {
    void *code;
    enum kind kind;
    intptr_t number;
};

struct large {
    intptr_t a, b, c;
};

typedef int (*int_call)(int);
typedef struct large (*large_call)(int);

static const pytramp_signature *signatures[2];

static void handle_int(const pytramp_signature *signature, void *result, void *const *args,
                       void *number) {
    (void)signature;
    *(int *)result = (int)(intptr_t)number + *(int *)args[0];
}

static void handle_large(const pytramp_signature *signature, void *result, void *const *args,
                         void *number) {
    (void)signature;
    intptr_t a = (intptr_t)number;
    *(struct large *)result = (struct large){a, a + *(int *)args[0], ~a};
}

static void make_signatures(void) {
    const pytramp_type *large, *args[] = {&pytramp_type_int};
    pytramp_member members[] = {{&pytramp_type_pointer, 3, 0}};
    CHECK_OK(pytramp_type_struct(&large, 1, members, 0));
    CHECK_OK(pytramp_signature_new(&signatures[SIMPLE], PYTRAMP_ABI_DEFAULT, &pytramp_type_int, 1,
                                   args));
    CHECK_OK(pytramp_signature_new(&signatures[LARGE], PYTRAMP_ABI_DEFAULT, large, 1, args));
}

static void make(struct item *item) {
    int error = (int)-item->number;
    struct large large_error = {-item->number, 1, 2};
    if (item->kind == BARE) {
        CHECK_OK(pytramp_alloc(&item->code));
        CHECK_OK(pytramp_init(item->code, (void (*)(void))return_chain, (void *)item->number));
        return;
    }
    pytramp_closure_options options = {
        .size = sizeof options,
        .handler = item->kind == SIMPLE ? handle_int : handle_large,
        .userdata = (void *)item->number,
        .error = item->kind == SIMPLE ? (void *)&error : (void *)&large_error,
    };
    CHECK_OK(pytramp_closure_new_ex(&item->code, signatures[item->kind], &options));
}

static void call_live(const struct item *item) {
    intptr_t n = item->number;
    uintptr_t code = (uintptr_t)item->code;
    if (item->kind == SIMPLE) {
        int got = ((int_call)code)(5);
        CHECK(got == n + 5, "closure %ld gave %d", (long)n, got);
    } else if (item->kind == LARGE) {
        struct large got = ((large_call)code)(5);
        CHECK(got.a == n && got.b == n + 5 && got.c == ~n, "closure %ld gave %ld, %ld, %ld",
              (long)n, (long)got.a, (long)got.b, (long)got.c);
    } else {
        void *got = call_chain(item->code);
        CHECK(got == (void *)n, "trampoline %ld gave %ld", (long)n, (long)(intptr_t)got);
    }
}

static void call_freed(const struct item *item) {
    intptr_t n = item->number;
    uintptr_t code = (uintptr_t)item->code;
    if (item->kind == SIMPLE) {
        int got = ((int_call)code)(5);
        CHECK(got == -n, "freed closure %ld gave %d", (long)n, got);
    } else if (item->kind == LARGE) {
        struct large got = ((large_call)code)(5);
        CHECK(got.a == -n && got.b == 1 && got.c == 2, "freed closure %ld gave %ld, %ld, %ld",
              (long)n, (long)got.a, (long)got.b, (long)got.c);
    } else {
        void *got = call_chain(item->code);
        CHECK(!got, "freed trampoline %ld gave %ld", (long)n, (long)(intptr_t)got);
    }
}

static void let_go(const struct item *item) {
    CHECK_OK(item->kind == BARE ? pytramp_free(item->code) : pytramp_closure_free(item->code));
}

/* ---- A door: closures that are called by whoever sees their address, and never freed ---- */

static void *_Atomic door;

static void open_door(intptr_t number) {
    struct item item = {NULL, SIMPLE, number};
    make(&item);
    SET(door, item.code);
}

static void call_at_door(void) {
    void *code = GET(door);
    if (!code) return;
    int got = ((int_call)(uintptr_t)code)(5);
    CHECK(got % 1000 == 5, "the closure at the door gave %d", got);
}

/* ---- Mailboxes: from a worker to whichever caller looks first ---- */

#define CLOSED UINT64_MAX

static struct mailbox {
    _Alignas(64) _Atomic uint64_t ticket; /* CLOSED, or of the free of item */
    _Atomic int ready;                    /* item was freed and waits for its late call */
    struct item item;
} mailboxes[WORKERS];

static _Atomic uint64_t tickets;
static _Atomic int workers_left, late_calls_made, longest_wait;

/* acquire and release: a late call is over before the frees that it held back go on. */
static uint64_t ticket_of(const struct mailbox *mailbox) {
    return atomic_load_explicit(&mailbox->ticket, memory_order_acquire);
}

static void set_ticket(struct mailbox *mailbox, uint64_t ticket) {
    atomic_store_explicit(&mailbox->ticket, ticket, memory_order_release);
}

static uint64_t oldest_open(uint64_t ticket) {
    for (unsigned i = 0; i < WORKERS; i++) {
        uint64_t open = ticket_of(&mailboxes[i]);
        if (open < ticket) ticket = open;
    }
    return ticket;
}

/* Frees item when no late call can still be hurt by it, and posts it when nobody else's waits. */
static void free_and_post(const struct item *item, struct mailbox *mailbox) {
    uint64_t ticket = ADD(tickets, 1);
    int post = ticket_of(mailbox) == CLOSED;
    if (post) set_ticket(mailbox, ticket);
    while (ticket - oldest_open(ticket) > GAP)
        sched_yield();
    let_go(item);
    if (!post) return;
    mailbox->item = *item;
    atomic_store_explicit(&mailbox->ready, 1, memory_order_release);
}

/* Sometimes at once, sometimes when this address is nearly the next to be reused. */
static void open_mail(struct mailbox *mailbox, uint64_t *random) {
    int ready = 1;
    if (!GET(mailbox->ready) ||
        !atomic_compare_exchange_strong_explicit(&mailbox->ready, &ready, 0, memory_order_acquire,
                                                 memory_order_relaxed))
        return;
    int patience = next_random(random) % 2 ? 300 : 0;
    while (patience-- && GET(tickets) - ticket_of(mailbox) < GAP && GET(workers_left))
        sched_yield();
    int waited = (int)(GET(tickets) - ticket_of(mailbox));
    if (waited > GET(longest_wait)) SET(longest_wait, waited);
    for (int i = 0; i < 3; i++)
        call_freed(&mailbox->item);
    ADD(late_calls_made, 1);
    set_ticket(mailbox, CLOSED);
}

static void *call_late(void *number) {
    uint64_t random = 104729 * (1 + (uintptr_t)number);
    while (GET(workers_left)) {
        for (unsigned i = 0; i < WORKERS; i++)
            open_mail(&mailboxes[i], &random);
        call_at_door();
        sched_yield();
    }
    return NULL;
}

/* ---- Workers ---- */

static void step(struct item *items, int *live, intptr_t *number, int most, uint64_t *random,
                 struct mailbox *mailbox) {
    uint64_t dice = next_random(random);
    if (*live == 0 || (*live < most && dice % 100 < 55)) {
        struct item *item = &items[(*live)++];
        *item = (struct item){NULL, (enum kind)(dice >> 8) % KINDS, ++*number};
        make(item);
        call_live(item);
    } else {
        struct item *item = &items[(dice >> 8) % (unsigned)*live];
        call_live(item);
        if (mailbox)
            free_and_post(item, mailbox);
        else
            let_go(item);
        *item = items[--*live];
    }
}

static pthread_barrier_t workers; /* they begin together, and no one leaves before all hold most */

static void *work(void *argument) {
    uintptr_t self = (uintptr_t)argument;
    static struct item items[WORKERS][MOST];
    int live = 0;
    intptr_t number = (intptr_t)(self + 1) << 24;
    uint64_t random = 7919 * (1 + self);
    pthread_barrier_wait(&workers);
    for (unsigned i = 0; i < steps; i++) {
        step(items[self], &live, &number, MOST, &random, &mailboxes[self]);
        if (i % 500 == 0) open_door(1000 * ((intptr_t)i + 1));
    }
    pthread_barrier_wait(&workers);
    for (int i = 0; i < live; i++) {
        call_live(&items[self][i]);
        free_and_post(&items[self][i], &mailboxes[self]);
    }
    ADD(workers_left, -1);
    return NULL;
}

/* ---- A watcher and a forker ---- */

static void *watch(void *unused) {
    (void)unused;
    int local = 0;
    while (GET(workers_left)) {
        pytramp_statistics all = stats();
        CHECK(all.untouched <= all.capacity, "%zu of %zu", all.untouched, all.capacity);
        CHECK_OK(pytramp_reserve(16));
        CHECK(!pytramp_owns(&local), "owns a variable");
        usleep(500);
    }
    return NULL;
}

#ifdef _WIN32 /* which has no fork */

static const unsigned forked = 0;

static void *fork_often(void *unused) {
    return unused;
}

#else

static unsigned forks = 12;

/* Only this thread goes on in a child; whatever the others were doing, the pool must work. */
static void live_in_child(unsigned round) {
    static struct item items[6000];
    int live = 0;
    intptr_t number = 1 << 28;
    uint64_t random = 15485863 + round;
    for (int i = 0; i < 6000; i++)
        step(items, &live, &number, 6000, &random, NULL);
    CHECK_OK(pytramp_reserve(stats().untouched + 1));
    for (int i = 0; i < live; i++) {
        call_live(&items[i]);
        let_go(&items[i]);
        call_freed(&items[i]);
    }
    CHECK_POOL();
}

static _Atomic unsigned forked;

static void *fork_often(void *unused) {
    (void)unused;
    while (GET(workers_left) && GET(forked) < forks) {
        pid_t child = fork();
        if (!child) {
            live_in_child(GET(forked));
            _exit(0);
        }
        await(child, "fork");
        ADD(forked, 1);
    }
    return NULL;
}

#endif

/* ---- One thread grows, others take what it made; nothing else tells them ---- */

#define TAKEN 30000

static void *grow_only(void *unused) {
    (void)unused;
    for (int i = 0; i < 15; i++)
        CHECK_OK(pytramp_reserve(stats().untouched + 1));
    return NULL;
}

static _Atomic int takers_left;

static void *count_only(void *unused) {
    (void)unused;
    while (GET(takers_left)) {
        usleep(300); /* time for others to grow and to take */
        pytramp_statistics all = stats();
        CHECK(all.live <= all.capacity, "%zu of %zu", all.live, all.capacity);
    }
    return NULL;
}

static void *take_only(void *argument) {
    uintptr_t self = (uintptr_t)argument;
    static void *taken[2][TAKEN];
    void **codes = taken[self];
    for (int i = 0; i < TAKEN; i++)
        CHECK_OK(pytramp_closure_new(&codes[i], signatures[SIMPLE], handle_int, &codes[i]));
    for (int i = 0; i < TAKEN; i++) {
        CHECK(pytramp_data(codes[i]) == &codes[i], "closure %d", i);
        CHECK_OK(pytramp_closure_free(codes[i]));
    }
    ADD(takers_left, -1);
    return NULL;
}

static void start(pthread_t *thread, void *(*run)(void *), uintptr_t number) {
    CHECK(!pthread_create(thread, NULL, run, (void *)number), "pthread_create");
}

static void grow_and_take(void) {
    pthread_t threads[4];
    takers_left = 2;
    start(&threads[3], count_only, 0);
    start(&threads[0], grow_only, 0);
    start(&threads[1], take_only, 0);
    start(&threads[2], take_only, 1);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    say("growth: one thread makes page pairs, two take %d closures each, one counts", TAKEN);
}

static size_t take_others(void) {
    void *code;
    for (size_t i = SHARED; i < BUILTIN_CLOSURES; i++)
        CHECK_OK(pytramp_alloc(&code));
    return BUILTIN_CLOSURES - SHARED;
}

/* pool_threads [steps per worker [forks]] */
int main(int argc, char **argv) {
    pthread_t threads[WORKERS + CALLERS + 2], *next = threads;
    if (argc > 1) steps = (unsigned)atoi(argv[1]);
#ifndef _WIN32
    if (argc > 2) forks = (unsigned)atoi(argv[2]);
#endif
    size_t taken = take_others();
    pytramp_set_late_call_hook(count_report);
    make_signatures();
    workers_left = WORKERS;
    CHECK(!pthread_barrier_init(&workers, NULL, WORKERS), "pthread_barrier_init");
    for (unsigned i = 0; i < WORKERS; i++)
        mailboxes[i].ticket = CLOSED;
    for (uintptr_t i = 0; i < WORKERS; i++)
        start(next++, work, i);
    for (uintptr_t i = 0; i < CALLERS; i++)
        start(next++, call_late, i);
    start(next++, watch, 0);
    start(next++, fork_often, 0);
    while (next > threads)
        pthread_join(*--next, NULL);
    pytramp_statistics all = stats();
    size_t left = WORKERS * ((steps + 499) / 500) + taken;
    CHECK(all.live == left, "%zu are left, not %zu", all.live, left);
    CHECK(all.capacity > BUILTIN_CLOSURES, "nothing grew");
    CHECK(late_calls_made > 0, "no late call was made");
    say("threads: %d workers, %u steps each, %lu frees, capacity %zu, %d late calls (the latest "
        "after %d frees), %u forks",
        WORKERS, steps, (unsigned long)tickets, all.capacity, late_calls_made, longest_wait,
        (unsigned)forked);
    CHECK_POOL();
    grow_and_take();
    CHECK_POOL();
    return 0;
}
