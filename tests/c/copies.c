/* Two copies of pytramp in one program, and this file has a third: none knows the others' closures.
 */
#include "check.h"

#include "copies.h"

static int call(void *code, int n) {
    int (*function)(int);
    memcpy(&function, &code, sizeof function);
    return function(n);
}

static void test_closures(void) {
    int ten = 10, twenty = 20;
    void *one = one_adder(&ten), *two = two_adder(&twenty);
    CHECK(one && two, "%p and %p", one, two);
    CHECK(call(one, 1) == 11 && call(two, 1) == 21, "%d, %d", call(one, 1), call(two, 1));
    CHECK(one_owns(one) && !one_owns(two), "the first copy");
    CHECK(two_owns(two) && !two_owns(one), "the second copy");
    CHECK(!pytramp_owns(one) && !pytramp_owns(two), "the third copy");
    CHECK(one_free(two) == PYTRAMP_E_NOT_OURS, "freed by another copy");
    CHECK(call(two, 2) == 22, "%d", call(two, 2));
    CHECK(!one_free(one) && !two_free(two), "not freed");
    puts("closures are known to their own copy only");
}

static void test_growth(void) {
    enum { MANY = 20000 };
    static void *ones[MANY], *twos[MANY];
    static int n[MANY];
    for (int i = 0; i < MANY; i++) {
        n[i] = i;
        ones[i] = one_adder(&n[i]);
        twos[i] = two_adder(&n[i]);
        CHECK(ones[i] && twos[i], "closure %d", i);
    }
    for (int i = 0; i < MANY; i++) {
        CHECK(call(ones[i], 1) == i + 1 && call(twos[i], 2) == i + 2, "closure %d", i);
        CHECK(!one_free(ones[i]) && !two_free(twos[i]), "closure %d", i);
    }
    CHECK(one_is_sound() && two_is_sound(), "a pool is broken");
    CHECK_POOL();
    puts("each grows by itself");
}

int main(void) {
    test_closures();
    test_growth();
    return 0;
}
