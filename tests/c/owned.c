/* Closures that own their userdata: destroyed once, after the last call, wherever that is. */
#include "check.h"

#include <pthread.h>

#include "pages.h"
#include "pool.h"
#include "support.h"

static void *code;
static atomic_int destroyed, calls;

static void destroy(void *userdata) {
    CHECK(userdata == &destroyed, "%p", userdata);
    atomic_fetch_add(&destroyed, 1);
}

static pytramp_closure_options options_of(pytramp_handler handler) {
    static const int error = -1;
    return (pytramp_closure_options){.size = sizeof(pytramp_closure_options),
                                     .handler = handler,
                                     .userdata = &destroyed,
                                     .name = "owner",
                                     .error = &error,
                                     .destroy = destroy};
}

static void new_owner(pytramp_handler handler) {
    pytramp_closure_options options = options_of(handler);
    atomic_store(&destroyed, 0);
    CHECK_OK(pytramp_closure_new_ex(&code, int_void(), &options));
    CHECK(pytramp_data(code) == &destroyed, "%p", pytramp_data(code));
}

static void count(const pytramp_signature *signature, void *result, void *const *args,
                  void *userdata) {
    (void)signature, (void)args;
    CHECK(userdata == &destroyed, "%p", userdata);
    CHECK(!atomic_load(&destroyed), "destroyed before a call");
    *(int *)result = atomic_fetch_add(&calls, 1);
}

static void test_idle(void) {
    new_owner(count);
    atomic_store(&calls, 5);
    CHECK(call_int(code) == 5 && call_int(code) == 6, "%d calls", calls);
    CHECK(!destroyed, "destroyed while it can be called");
    CHECK_OK(pytramp_closure_free(code));
    CHECK(destroyed == 1, "destroyed %d times", destroyed);
    CHECK_STATUS(pytramp_closure_free(code), PYTRAMP_E_FREED);
    CHECK(call_int(code) == -1 && late_reports == 1, "%d reports", late_reports);
    CHECK(destroyed == 1, "destroyed %d times", destroyed);
    CHECK(!pytramp_data(code), "data of a freed one");
    say("idle: destroyed by who frees it");
}

/* Frees itself, and lets every slot be used again that may be. */
static void free_itself(const pytramp_signature *signature, void *result, void *const *args,
                        void *userdata) {
    (void)args, (void)userdata;
    void *others[3];
    CHECK_OK(pytramp_closure_free(code));
    for (int i = 0; i < 3 * WAITING_FREES; i++) {
        CHECK_OK(new_numbered(&others[i % 3], i));
        CHECK(others[i % 3] != code, "a slot with a call inside was used again");
        CHECK_OK(pytramp_closure_free(others[i % 3]));
    }
    CHECK(signature == int_void(), "the signature is another one");
    CHECK(!destroyed, "destroyed within a call");
    *(int *)result = 7;
}

static void test_freed_within(void) {
    new_owner(free_itself);
    CHECK(call_int(code) == 7, "its result was lost");
    CHECK(destroyed == 1, "destroyed %d times", destroyed);
    say("freed within its call: destroyed when that returns");
}

/* ---- Threads ---- */

static void *call_until_freed(void *unused) {
    (void)unused;
    while (call_int(code) >= 0) {
    }
    return NULL;
}

static void test_threads(void) {
    for (int round = 0; round < 200; round++) {
        pthread_t threads[3];
        new_owner(count);
        atomic_store(&calls, 0);
        for (size_t i = 0; i < COUNT(threads); i++)
            CHECK(!pthread_create(&threads[i], NULL, call_until_freed, NULL), "no thread");
        while (atomic_load(&calls) < 50)
            pt_pages_yield();
        CHECK_OK(pytramp_closure_free(code));
        for (size_t i = 0; i < COUNT(threads); i++)
            pthread_join(threads[i], NULL);
        CHECK(destroyed == 1, "destroyed %d times", destroyed);
    }
    say("freed while three threads call: destroyed once");
}

/* ---- Options ---- */

static void test_sizes(void) {
    pytramp_closure_options options = options_of(count);
    options.size = offsetof(pytramp_closure_options, destroy); /* before there was a destroy */
    atomic_store(&destroyed, 0);
    CHECK_OK(pytramp_closure_new_ex(&code, int_void(), &options));
    CHECK_OK(pytramp_closure_free(code));
    CHECK(!destroyed, "what the caller does not know of was read");
    options.size = sizeof options;
    options.handler = NULL;
    CHECK_STATUS(pytramp_closure_new_ex(&code, int_void(), &options), PYTRAMP_E_NULL);
    CHECK(!destroyed, "destroyed by a failure");
    say("options of other sizes");
}

/* Their blocks are freed when the slots are used again. */
static void test_reuse(void) {
    for (int i = 0; i < 4 * WAITING_FREES; i++) {
        new_owner(count);
        CHECK_OK(pytramp_closure_free(code));
        CHECK(destroyed == 1, "destroyed %d times", destroyed);
    }
    say("%d made and freed", 4 * WAITING_FREES);
}

int main(void) {
    pytramp_set_late_call_hook(count_report);
    test_idle();
    test_freed_within();
    test_threads();
    test_sizes();
    test_reuse();
    CHECK_POOL();
    return 0;
}
