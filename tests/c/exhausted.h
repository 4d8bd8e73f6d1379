/* Hardly a trampoline is left, and no more can be made: what users do then. Include it after
 * check.h.
 */
#ifndef EXHAUSTED_H
#define EXHAUSTED_H

static void *exhausting[65536];
static size_t exhausted;

static size_t left(void) {
    pytramp_statistics all = {.size = sizeof all};
    CHECK_OK(pytramp_stats(&all));
    return all.untouched + all.reusable;
}

static void exhaust_but(size_t n) {
    CHECK_OK(pytramp_set_growth(0));
    while (left() > n) {
        CHECK(exhausted < COUNT(exhausting), "there is no end to them");
        CHECK_OK(pytramp_alloc(&exhausting[exhausted++]));
    }
}

__attribute__((unused)) static void recover(void) {
    while (exhausted)
        CHECK_OK(pytramp_free(exhausting[--exhausted]));
    CHECK_OK(pytramp_set_growth(PYTRAMP_GROW_DEFAULT));
}

#endif
