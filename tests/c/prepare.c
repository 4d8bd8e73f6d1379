/* Trampolines that become closures, and closures that become others, at the same address. */
#include "check.h"

#include "closure.h"
#include "support.h"

struct three {
    int64_t x, y, z;
};

static const pytramp_type *three_type(void) {
    const pytramp_type *type;
    pytramp_member members[] = {{&pytramp_type_longlong, 3, 0}};
    CHECK_OK(pytramp_type_struct(&type, 1, members, 0));
    return type;
}

static void return_three(const pytramp_signature *signature, void *result, void *const *args,
                         void *userdata) {
    (void)signature;
    *(struct three *)result = (struct three){*(int *)args[0], *(int *)userdata, 3};
}

static const pytramp_signature *three_int(void) {
    const pytramp_signature *signature;
    const pytramp_type *args[] = {&pytramp_type_int};
    CHECK_OK(pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, three_type(), 1, args));
    return signature;
}

static struct three call_three(void *code, int n) {
    return ((struct three (*)(int))code)(n);
}

static void check_three(void *code, int second) {
    struct three got = call_three(code, 5);
    CHECK(got.x == 5 && got.y == second && got.z == 3, "%d %d %d", (int)got.x, (int)got.y,
          (int)got.z);
}

static pytramp_status prepare_number(void *code, intptr_t number) {
    return pt_closure_prepare(code, int_void(), return_number, (void *)number);
}

static void test_bare(void) {
    void *code;
    CHECK_OK(pytramp_alloc(&code));
    CHECK_OK(prepare_number(code, 7));
    CHECK(call_int(code) == 7 && pytramp_data(code) == (void *)7, "not prepared");
    CHECK_STATUS(pytramp_free(code), PYTRAMP_E_KIND);
    CHECK_OK(pytramp_closure_free(code));
    CHECK(call_int(code) == 0 && late_reports == 1, "%d reports", late_reports);
    CHECK_STATUS(prepare_number(code, 7), PYTRAMP_E_FREED);
    say("a bare trampoline");
}

/* Its error value goes with the type: the next one has none. */
static void test_closures(void) {
    static int second = 2;
    void *code;
    struct three error = {-1, -2, -3};
    pytramp_closure_options options = {
        .size = sizeof options, .handler = return_three, .userdata = &second, .error = &error};
    for (int i = 0; i < 3 * WAITING_FREES; i++) {
        CHECK_OK(pytramp_closure_new_ex(&code, three_int(), &options));
        check_three(code, second);
        CHECK_OK(prepare_number(code, i));
        CHECK(call_int(code) == i, "closure %d", i);
        CHECK_OK(pt_closure_prepare(code, three_int(), return_three, &second));
        check_three(code, second);
        CHECK_OK(pytramp_closure_free(code));
        CHECK(!call_three(code, 5).x, "an error value of an earlier type");
    }
    say("closures, %d times", 3 * WAITING_FREES);
}

static void ignore(void *userdata) {
    (void)userdata;
}

static void test_refused(void) {
    int here;
    void *code;
    pytramp_closure_options options = {
        .size = sizeof options, .handler = return_number, .destroy = ignore};
    CHECK_STATUS(prepare_number(&here, 1), PYTRAMP_E_NOT_OURS);
    CHECK_STATUS(prepare_number(NULL, 1), PYTRAMP_E_NOT_OURS);
    CHECK_OK(pytramp_closure_new_ex(&code, int_void(), &options));
    CHECK_STATUS(prepare_number(code, 1), PYTRAMP_E_KIND);
    CHECK_OK(pytramp_closure_free(code));
    CHECK_STATUS(prepare_number(code, 1), PYTRAMP_E_KIND);
    say("refused: what is not ours, what owns its userdata");
}

int main(void) {
    pytramp_set_late_call_hook(count_report);
    test_bare();
    test_closures();
    test_refused();
    CHECK_POOL();
    return 0;
}
