/* Slots of csrc/pool.c in one thread: their life, their addresses, their numbers. */
#include "check.h"

#include "pool.h"
#include "support.h"

#define MANY 300000

static void *codes[MANY];

static void nothing(void) {}

/* Uses up the built-in slots and forbids growth. */
static void fill_builtin(void) {
    CHECK_OK(pytramp_set_growth(0));
    for (int i = 0; i < BUILTIN_CLOSURES; i++)
        CHECK_OK(new_numbered(&codes[i], i + 1));
}

static int compare_codes(const void *a, const void *b) {
    uintptr_t x = (uintptr_t)*(void *const *)a, y = (uintptr_t)*(void *const *)b;
    return (x > y) - (x < y);
}

static void check_distinct(void **at, size_t n) {
    qsort(at, n, sizeof *at, compare_codes);
    for (size_t i = 1; i < n; i++)
        CHECK(at[i] != at[i - 1], "%p was handed out twice", at[i]);
}

static void check_sum(void) {
    pytramp_statistics all = stats();
    CHECK(all.live + all.quarantined + all.reusable + all.untouched == all.capacity,
          "%zu live, %zu quarantined, %zu reusable, %zu untouched do not make %zu", all.live,
          all.quarantined, all.reusable, all.untouched, all.capacity);
}

/* ---- Life ---- */

static void test_states(void) {
    struct pt_record *record;
    static const struct pt_kind kind = {NULL, NULL};
    CHECK_OK(pt_pool_claim(&kind, &record));
    CHECK(pt_state_of(record) == PT_CLAIMED, "state %d", pt_state_of(record));
    CHECK(pt_pool_find(pt_pool_code(record)) == record, "found by its code");
    CHECK_STATUS(pt_pool_kill(record), PYTRAMP_E_FREED);
    record->kind = &kind;
    pt_pool_publish(record, nothing);
    CHECK(pt_state_of(record) == PT_LIVE, "state %d", pt_state_of(record));
    CHECK(stats().live == 1, "one is live");
    CHECK_OK(pt_pool_kill(record));
    CHECK(pt_state_of(record) == PT_DEAD, "state %d", pt_state_of(record));
    CHECK_STATUS(pt_pool_kill(record), PYTRAMP_E_FREED);
    pt_pool_recycle(record);
    CHECK(stats().quarantined == 1 && !stats().live, "it waits");
    CHECK(pt_pool_find(pt_pool_code(record)) == record, "found when dead, too");
    check_sum();
    say("states: claimed, live, dead, recycled");
}

/* A SILENCED slot counts as live and can be killed. */
static void test_silenced(void) {
    struct pt_record *record;
    static const struct pt_kind kind = {NULL, NULL};
    CHECK_OK(pt_pool_claim(NULL, &record));
    record->kind = &kind;
    pt_pool_publish(record, nothing);
    pt_pool_silence(record, 1);
    CHECK(pt_state_of(record) == PT_SILENCED, "state %d", pt_state_of(record));
    CHECK(stats().live == 1, "silenced is live");
    pt_pool_silence(record, 0);
    CHECK(pt_state_of(record) == PT_LIVE, "state %d", pt_state_of(record));
    pt_pool_silence(record, 1);
    CHECK_OK(pt_pool_kill(record));
    pt_pool_silence(record, 0);
    CHECK(pt_state_of(record) == PT_DEAD, "a dead slot came back to life");
    pt_pool_recycle(record);
    say("states: silenced, live again, dead");
}

static void test_abandon(void) {
    struct pt_record *record, *again;
    stay_on_one_cpu(); /* each CPU has free slots of its own */
    CHECK_OK(pt_pool_claim(NULL, &record));
    void *code = pt_pool_code(record);
    pt_pool_abandon(record);
    CHECK(pt_state_of(record) == PT_FREE, "state %d", pt_state_of(record));
    CHECK(!pytramp_owns(code) && !pytramp_data(code), "nobody ever saw %p", code);
    CHECK_POOL();
    CHECK(!stats().quarantined, "it need not wait");
    check_sum();
    CHECK_OK(pt_pool_claim(NULL, &again));
    CHECK(again == record, "an abandoned slot is the first to be claimed again");
    pt_pool_abandon(again);
    say("abandon: the slot is free at once");
}

static int forgotten;

static void forget(struct pt_record *record) {
    (void)record;
    forgotten++;
}

/* Whatever a dead slot holds is let go of exactly once, when the slot is claimed again. */
static void test_forget(void) {
    static const struct pt_kind kind = {NULL, forget};
    static unsigned char used[BUILTIN_CLOSURES + 1];
    int expected = 0;
    struct pt_record *record;
    CHECK_OK(pytramp_set_growth(0));
    for (int i = 0; i < 3 * BUILTIN_CLOSURES; i++) {
        CHECK_OK(pt_pool_claim(i % 2 ? &kind : NULL, &record));
        expected += used[record->index];
        CHECK(forgotten == expected, "claim %d: forgotten %d times", i, forgotten);
        used[record->index] = 1;
        record->kind = &kind;
        pt_pool_publish(record, nothing);
        CHECK_OK(pt_pool_kill(record));
        pt_pool_recycle(record);
        CHECK(forgotten == expected, "forgotten before it was claimed");
    }
    CHECK(expected > BUILTIN_CLOSURES, "only %d were claimed again", expected);
    say("forget: once per slot, when it is claimed again (%d times)", expected);
}

static int count_visits(struct pt_record *record, void *data) {
    (void)record;
    int *left = data;
    return --*left == 0 ? 42 : 0;
}

static void test_each(void) {
    int many = 1000000, ten = 10;
    for (int i = 0; i < 100; i++)
        CHECK_OK(new_numbered(&codes[i], i));
    CHECK_OK(pytramp_closure_free(codes[5]));
    CHECK(pt_pool_each(count_visits, &many) == 0, "went to the end");
    CHECK(many == 1000000 - 100, "visited %d", 1000000 - many);
    CHECK(pt_pool_each(count_visits, &ten) == 42 && !ten, "stopped at the tenth");
    say("each: every slot ever handed out, until told to stop");
}

/* ---- Addresses ---- */

static void check_foreign(const void *code) {
    CHECK(!pytramp_owns(code), "owns %p", code);
    CHECK(!pytramp_data(code), "data of %p", code);
    CHECK(!pt_pool_find(code), "found %p", code);
    CHECK_STATUS(pytramp_closure_free((void *)code), code ? PYTRAMP_E_NOT_OURS : PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_free((void *)code), code ? PYTRAMP_E_NOT_OURS : PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_init((void *)code, nothing, NULL),
                 code ? PYTRAMP_E_NOT_OURS : PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_retire((void *)code, nothing, NULL),
                 code ? PYTRAMP_E_NOT_OURS : PYTRAMP_E_NULL);
}

static void check_neighbours(unsigned char *code) {
    CHECK(pytramp_owns(code), "%p is ours", (void *)code);
    for (int i = 1; i < PT_STUB_SIZE; i++) {
        check_foreign(code + i);
        check_foreign(code - i);
    }
}

/* Not where slots are functions. */
static void check_tables(const unsigned char *grown) {
#ifndef _WIN32 /* whose template is the built-in pool */
    for (size_t i = 0; i < PT_UNIT; i += PT_STUB_SIZE)
        check_foreign(pt_template_code + i);
#endif
    for (size_t i = 0; i < sizeof pt_builtin_slots / sizeof *pt_builtin_slots; i++)
        check_foreign(&pt_builtin_slots[i]);
    for (size_t i = 0; i < PT_UNIT; i += PT_STUB_SIZE) /* its slots, and what lies before it */
        check_foreign(grown + PT_UNIT + i), check_foreign(grown - PT_STUB_SIZE - i);
}

static void test_foreign_pointers(void) {
    int local = 0;
    for (int i = 0; i < BUILTIN_CLOSURES + UNIT_CLOSURES + 1; i++)
        CHECK_OK(new_numbered(&codes[i], i + 1));
    check_neighbours(codes[0]);
    check_neighbours(codes[BUILTIN_CLOSURES - 1]);
    check_neighbours(codes[BUILTIN_CLOSURES]);
    check_neighbours(codes[BUILTIN_CLOSURES + UNIT_CLOSURES - 1]);
    check_neighbours(codes[BUILTIN_CLOSURES + UNIT_CLOSURES]);
    unsigned char *grown = codes[BUILTIN_CLOSURES];
    check_foreign(NULL);
    check_foreign(&local);
    check_foreign((void *)(uintptr_t)-1);
    check_foreign((void *)(uintptr_t)-PT_STUB_SIZE);
    check_foreign((void *)(uintptr_t)nothing);
    if (!PT_DESCRIPTORS) check_tables(grown);
    check_foreign((void *)((uintptr_t)pt_builtin_code - PT_STUB_SIZE));
    check_foreign((void *)((uintptr_t)pt_builtin_code + sizeof pt_builtin_code));
    say("owns, data, free, init, retire: only exact addresses pass");
}

/* A stub that was never handed out is not anybody's trampoline yet. */
static void test_untouched_pointers(void) {
    CHECK_OK(new_numbered(&codes[0], 1));
    unsigned char *code = codes[0];
    check_foreign(code + PT_STUB_SIZE);
    CHECK_OK(pytramp_closure_free(code));
    CHECK(pytramp_owns(code) && !pytramp_data(code), "a freed one is owned and has no data");
    say("untouched stubs: not owned");
}

static void test_double_free(void) {
    void *closure, *bare;
    CHECK_OK(new_numbered(&closure, 7));
    CHECK_OK(pytramp_alloc(&bare));
    CHECK_STATUS(pytramp_free(closure), PYTRAMP_E_KIND);
    CHECK_STATUS(pytramp_closure_free(bare), PYTRAMP_E_KIND);
    CHECK_OK(pytramp_closure_free(closure));
    CHECK_OK(pytramp_free(bare));
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pytramp_closure_free(closure), PYTRAMP_E_FREED);
        CHECK_STATUS(pytramp_free(bare), PYTRAMP_E_FREED);
        CHECK_STATUS(pytramp_init(bare, nothing, NULL), PYTRAMP_E_FREED);
        CHECK_STATUS(pytramp_retire(bare, nothing, NULL), PYTRAMP_E_FREED);
        CHECK_STATUS(pytramp_free(closure), PYTRAMP_E_KIND);
    }
    CHECK(stats().quarantined == 2, "each waits once");
    say("freed twice: a status, nothing else");
}

/* ---- Reuse ---- */

/* With the built-in slots used up and growth forbidden, only a slot that has waited can come. */
static void test_waits_exactly(void) {
    stay_on_one_cpu();
    fill_builtin();
    void *code = NULL;
    for (int i = 0; i < BUILTIN_CLOSURES; i++) {
        CHECK_OK(pytramp_closure_free(codes[i]));
        CHECK_STATUS(new_numbered(&code, 0), i < WAITING_FREES ? PYTRAMP_E_NO_CODE : PYTRAMP_OK);
        if (i < WAITING_FREES) continue;
        CHECK(code == codes[i - WAITING_FREES], "free %d gave another slot than the oldest", i);
    }
    CHECK(stats().quarantined == WAITING_FREES && !stats().reusable, "the last ones wait");
    check_sum();
    say("reuse: %d frees before each of %d slots came again, never fewer", WAITING_FREES,
        BUILTIN_CLOSURES - WAITING_FREES);
}

/* The same through pytramp_alloc, and an address stays dead to the last of these frees. */
static void test_late_call_to_the_end(void) {
    stay_on_one_cpu();
    void *code, *other;
    pytramp_set_late_call_hook(count_report);
    CHECK_OK(new_numbered(&code, 77));
    CHECK(call_int(code) == 77, "live");
    CHECK_OK(pytramp_closure_free(code));
    for (int i = 1; i < WAITING_FREES; i++) {
        CHECK_OK(new_numbered(&other, 78));
        CHECK(call_int(code) == -77, "a late call after %d frees gave %d", i, call_int(code));
        CHECK_OK(pytramp_closure_free(other));
    }
    CHECK(late_reports == 1, "%d reports", late_reports);
    CHECK(stats().late_calls == 1, "%zu late calls", stats().late_calls);
    say("late calls: the error value %d frees long, one report", WAITING_FREES - 1);
}

/* A slot that last served A goes to A again; B takes one that was never used, as long as there is
 * one, unless its signature shares a list with A's. */
static void test_affinity(void) {
    stay_on_one_cpu();
    const int n = 3000;
    const pytramp_signature *a = int_void(), *b[8];
    unsigned char was_a[BUILTIN_CLOSURES] = {0};
    int apart = 0;
    void *code;
    for (int i = 0; i < n; i++)
        CHECK_OK(pytramp_closure_new(&codes[i], a, return_number, NULL));
    for (int i = 0; i < n; i++) {
        was_a[((uintptr_t)codes[i] - (uintptr_t)pt_builtin_code) / PT_STUB_SIZE] = 1;
        CHECK_OK(pytramp_closure_free(codes[i]));
    }
    for (int i = 0; i < 100; i++) {
        CHECK_OK(pytramp_closure_new(&code, a, return_number, NULL));
        CHECK(was_a[((uintptr_t)code - (uintptr_t)pt_builtin_code) / PT_STUB_SIZE],
              "an untouched slot was taken before those that served this signature");
    }
    const pytramp_type *args[8];
    for (int i = 0; i < 8; i++) {
        args[i] = &pytramp_type_long;
        CHECK_OK(pytramp_signature_new(&b[i], PYTRAMP_ABI_DEFAULT, &pytramp_type_void,
                                       (size_t)i + 1, args));
        CHECK_OK(pytramp_closure_new(&code, b[i], return_number, NULL));
        apart += !was_a[((uintptr_t)code - (uintptr_t)pt_builtin_code) / PT_STUB_SIZE];
    }
    CHECK(apart >= 3, "only %d of 8 other signatures left these slots alone", apart);
    say("affinity: slots stay with their signature");
}

/* The same few slots serve for ever: no growth, no untouched slot taken without need. */
static void test_no_creeping(void) {
    void *code;
    for (int i = 0; i < 200000; i++) {
        CHECK_OK(new_numbered(&code, i));
        CHECK_OK(pytramp_closure_free(code));
    }
    pytramp_statistics all = stats();
    CHECK(all.capacity == BUILTIN_CLOSURES, "grew to %zu for one live closure", all.capacity);
    CHECK(all.untouched > BUILTIN_CLOSURES - 6000, "%zu untouched are left", all.untouched);
    check_sum();
    say("creeping: 200 000 closures, one at a time, used %zu slots", all.capacity - all.untouched);
}

/* Random lives against a table of who is live: an address is never handed out twice. */
static void test_model(void) {
    enum { MOST = 20000, STEPS = 600000 };
    static int number_at[1 << 17];
    static void *code_at[1 << 17];
    int live = 0, numbers = 0, most = 0;
    uint64_t random = 88172645463325252u;
    for (int step = 0; step < STEPS; step++) {
        int grow = live == 0 || (live < MOST && next_random(&random) % 100 < 52);
        if (grow) {
            codes[live] = NULL;
            CHECK_OK(new_numbered(&codes[live], ++numbers));
            uint32_t home = (uint32_t)((uintptr_t)codes[live] * 0x9e3779b97f4a7c15u >> 47);
            while (code_at[home] && code_at[home] != codes[live])
                home = (home + 1) % COUNT(code_at);
            CHECK(!number_at[home], "%p of number %d was handed out again", codes[live],
                  number_at[home]);
            code_at[home] = codes[live++];
            number_at[home] = numbers;
            if (live > most) most = live;
        } else {
            int i = (int)(next_random(&random) % (unsigned)live);
            uint32_t home = (uint32_t)((uintptr_t)codes[i] * 0x9e3779b97f4a7c15u >> 47);
            while (code_at[home] != codes[i])
                home = (home + 1) % COUNT(code_at);
            CHECK(call_int(codes[i]) == number_at[home], "%p is another's", codes[i]);
            number_at[home] = 0;
            CHECK_OK(pytramp_closure_free(codes[i]));
            codes[i] = codes[--live];
        }
    }
    CHECK(stats().live == (size_t)live, "%zu live, not %d", stats().live, live);
    say("model: %d random steps, at most %d live, every address its own", STEPS, most);
}

/* ---- Capacity ---- */

static void test_exhaustion(void) {
    fill_builtin();
    void *code = &code;
    CHECK_STATUS(new_numbered(&code, 0), PYTRAMP_E_NO_CODE);
    CHECK_STATUS(pytramp_alloc(&code), PYTRAMP_E_NO_CODE);
    CHECK(code == (void *)&code, "the out parameter was touched");
    CHECK(stats().capacity == BUILTIN_CLOSURES && !stats().untouched, "all are used");
    CHECK_OK(pytramp_set_growth(PYTRAMP_GROW_DEFAULT));
    for (int i = BUILTIN_CLOSURES; i < BUILTIN_CLOSURES + 2 * UNIT_CLOSURES; i++) {
        CHECK_OK(new_numbered(&codes[i], i + 1));
        if ((i + 1) % 512 > 1) continue;
        pytramp_statistics all = stats();
        size_t pairs = 1 + (size_t)(i - BUILTIN_CLOSURES) / UNIT_CLOSURES;
        CHECK(all.capacity == BUILTIN_CLOSURES + pairs * UNIT_CLOSURES, "capacity %zu after %d",
              all.capacity, i + 1);
        CHECK(all.mremap_pairs + all.file_pairs + all.memory_pairs == pairs, "not %zu pairs",
              pairs);
    }
    for (int i = 0; i < BUILTIN_CLOSURES + 2 * UNIT_CLOSURES; i++)
        CHECK(call_int(codes[i]) == i + 1, "closure %d gave %d", i + 1, call_int(codes[i]));
    check_distinct(codes, BUILTIN_CLOSURES + 2 * UNIT_CLOSURES);
    check_sum();
    say("exhaustion: %d built in, then page pairs of %d", BUILTIN_CLOSURES, UNIT_CLOSURES);
}

/* Waiting slots are never taken instead of growing. */
static void test_grows_before_it_shortens_a_wait(void) {
    stay_on_one_cpu();
    fill_builtin();
    void *code;
    for (int i = 0; i < WAITING_FREES; i++)
        CHECK_OK(pytramp_closure_free(codes[i]));
    CHECK_OK(pytramp_set_growth(PYTRAMP_GROW_DEFAULT));
    CHECK_OK(new_numbered(&code, 1));
    CHECK(stats().capacity == BUILTIN_CLOSURES + UNIT_CLOSURES, "capacity %zu", stats().capacity);
    CHECK(stats().quarantined == WAITING_FREES, "%zu wait", stats().quarantined);
    say("growth: before a wait is cut short");
}

static void test_reserve(void) {
    CHECK_OK(pytramp_reserve(0));
    CHECK_OK(pytramp_reserve(BUILTIN_CLOSURES));
    CHECK(stats().capacity == BUILTIN_CLOSURES, "there were enough");
    CHECK_OK(pytramp_reserve(BUILTIN_CLOSURES + 1));
    CHECK(stats().capacity == BUILTIN_CLOSURES + UNIT_CLOSURES, "one pair more");
    CHECK_OK(new_numbered(&codes[0], 1));
    CHECK_OK(pytramp_reserve(BUILTIN_CLOSURES + UNIT_CLOSURES - 1));
    CHECK(stats().capacity == BUILTIN_CLOSURES + UNIT_CLOSURES, "the rest is exactly enough");
    CHECK_OK(pytramp_reserve(50000));
    CHECK_OK(pytramp_set_growth(0));
    CHECK_OK(pytramp_reserve(50000));
    size_t rest = stats().untouched;
    CHECK(rest >= 50000 && rest < 50000 + UNIT_CLOSURES, "%zu are there for 50 000", rest);
    CHECK_STATUS(pytramp_reserve(rest + 1), PYTRAMP_E_NO_CODE);
    for (size_t i = 0; i < rest; i++)
        CHECK_OK(new_numbered(&codes[i + 1], (int)i));
    CHECK_STATUS(new_numbered(&codes[0], 1), PYTRAMP_E_NO_CODE);
    CHECK_STATUS(pytramp_reserve(SIZE_MAX), PYTRAMP_E_FULL);
    say("reserve: exactly what was asked for, rounded up to a page pair");
}

static void test_statistics(void) {
    pytramp_statistics all = {.size = offsetof(pytramp_statistics, live), .live = 12345};
    CHECK_STATUS(pytramp_stats(NULL), PYTRAMP_E_NULL);
    CHECK_OK(pytramp_stats(&all));
    CHECK(all.capacity == BUILTIN_CLOSURES && all.builtin == BUILTIN_CLOSURES, "%zu, %zu",
          all.capacity, all.builtin);
    CHECK(all.live == 12345, "a field beyond size was written");
    CHECK(all.size == offsetof(pytramp_statistics, live), "size was changed");
    struct {
        pytramp_statistics known;
        size_t later;
    } more = {.known.size = sizeof more, .later = 54321};
    CHECK_OK(pytramp_stats(&more.known));
    CHECK(more.later == 54321 && more.known.size == sizeof more, "a newer caller's field changed");
    stay_on_one_cpu();
    for (int i = 0; i < 5000; i++)
        CHECK_OK(new_numbered(&codes[i], i));
    for (int i = 0; i < 3000; i++)
        CHECK_OK(pytramp_closure_free(codes[i]));
    all = stats();
    CHECK(all.live == 2000, "%zu live", all.live);
    CHECK(all.quarantined == WAITING_FREES, "%zu wait", all.quarantined);
    CHECK(all.reusable == 3000 - WAITING_FREES, "%zu reusable", all.reusable);
    CHECK(all.untouched == BUILTIN_CLOSURES - 5000, "%zu untouched", all.untouched);
    check_sum();
    say("statistics: exact at rest");
}

/* ---- Many ---- */

static void check_many(int n) {
    for (int i = 0; i < n; i++)
        CHECK(call_int(codes[i]) == i + 1, "closure %d gave %d", i + 1, call_int(codes[i]));
    check_distinct(codes, (size_t)n);
}

static void test_100000(void) {
    /* Of a pair: code, slots and records. */
    unsigned pairs = (100000 - BUILTIN_CLOSURES) / UNIT_CLOSURES + 1, before = check_maps(0).lines;
    unsigned most = 3 * pairs > 100 ? 3 * pairs : 100;
    for (int i = 0; i < 100000; i++)
        CHECK_OK(new_numbered(&codes[i], i + 1));
    unsigned after = check_maps(0).lines;
    CHECK(after - before <= most, "%u mappings more", after - before);
    say("100 000 closures: %u mappings more", after - before);
}

static void test_300000(void) {
    for (int i = 0; i < MANY; i++)
        CHECK_OK(new_numbered(&codes[i], i + 1));
    pytramp_statistics all = stats();
    CHECK(all.live == MANY, "%zu live", all.live);
    CHECK(all.capacity - all.live < UNIT_CLOSURES, "capacity %zu", all.capacity);
    check_maps(0);
    check_many(MANY);
    for (int i = 0; i < MANY; i++)
        CHECK_OK(pytramp_closure_free(codes[i]));
    for (int i = 0; i < MANY - 2 * WAITING_FREES - 2000; i++)
        CHECK_OK(new_numbered(&codes[i], i + 1));
    CHECK(stats().capacity == all.capacity, "grew though freed slots were there");
    check_many(MANY - 2 * WAITING_FREES - 2000);
    say("%d closures: all live, callable and distinct, twice", MANY);
}

/* ---- The checker itself ---- */

static struct pt_record *record_of(void *code) {
    struct pt_record *record = pt_pool_find(code);
    CHECK(record, "%p", code);
    return record;
}

static void expect_broken(const char *expected) {
    char text[200] = "";
    CHECK_STATUS(pytramp_pool_check(text, sizeof text), PYTRAMP_E_CORRUPT);
    CHECK(strstr(text, expected), "'%s' says nothing of '%s'", text, expected);
    CHECK_STATUS(pytramp_pool_check(NULL, 0), PYTRAMP_E_CORRUPT);
}

/* Breaks one invariant after the other: the checker must see each. */
static void test_checker(void) {
    void *code[3];
    for (int i = 0; i < 3; i++)
        CHECK_OK(new_numbered(&code[i], i));
    struct pt_record *record = record_of(code[1]), *other = record_of(code[2]);
    struct pt_slot *slot = &pt_builtin_slots[record->index - 1];
    CHECK_POOL();
    slot->data = other;
    expect_broken("foreign data");
    slot->data = record;
    void (*target)(void) = slot->target;
    slot->target = NULL;
    expect_broken("no target");
    slot->target = target;
    record->index++;
    expect_broken("another's index");
    record->index--;
    CHECK_OK(pt_pool_kill(record));
    expect_broken("in no list");
    pt_pool_recycle(record);
    CHECK_POOL();
    pt_pool_recycle(record);
    expect_broken("listed twice");
    say("checker: finds foreign data, missing targets, lost and doubled slots");
    _exit(0); /* with a pool that is broken on purpose */
}

static const struct test tests[] = {
    {"states", test_states},
    {"silenced", test_silenced},
    {"abandon", test_abandon},
    {"forget", test_forget},
    {"each", test_each},
    {"foreign pointers", test_foreign_pointers},
    {"untouched pointers", test_untouched_pointers},
    {"double free", test_double_free},
    {"waits exactly", test_waits_exactly},
    {"late call to the end", test_late_call_to_the_end},
    {"affinity", test_affinity},
    {"no creeping", test_no_creeping},
    {"model", test_model},
    {"exhaustion", test_exhaustion},
    {"grows before it shortens a wait", test_grows_before_it_shortens_a_wait},
    {"reserve", test_reserve},
    {"statistics", test_statistics},
    {"100 000", test_100000},
    {"300 000", test_300000},
    {"checker", test_checker},
};

int main(int argc, char **argv) {
    (void)argc;
    return run_tests(tests, COUNT(tests), argv);
}
