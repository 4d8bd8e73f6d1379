/* Where Windows' x86-64 convention puts values: the examples of its documents, "Parameter passing"
 * and "Return values", and what gcc and clang do alike where these say nothing. */
#include "check.h"

#include "closure.h"
#include "places.h"
#include "port.h"

static void test_parameter_passing(void) {
    const pytramp_type *m64 = STRUCT(i_, i_), *m128 = array(f_, 4);
    EXPECT("example 1, all integers",
           " | rcx 0+4 | rdx 0+4 | r8 0+4 | r9 0+4 | stack@0 0+4 | stack@8 0+4", v_, i_, i_, i_, i_,
           i_, i_);
    EXPECT("example 2, all floats",
           " | xmm0 0+4 | xmm1 0+8 | xmm2 0+4 | xmm3 0+8 | stack@0 0+4 | stack@8 0+4", v_, f_, d_,
           f_, d_, f_, f_);
    EXPECT("example 3, mixed",
           " | rcx 0+4 | xmm1 0+8 | r8 0+4 | xmm3 0+4 | stack@0 0+4 | stack@8 0+4", v_, i_, d_, i_,
           f_, i_, f_);
    EXPECT("example 4, aggregates", " | rcx 0+8 | &rdx | &r8 | xmm3 0+4 | &stack@0 | &stack@8", v_,
           m64, m128, array(i_, 3), f_, m128, m128);
    say("parameter passing");
}

static void test_return_values(void) {
    EXPECT("a 64-bit result", "rax 0+8 | rcx 0+4 | xmm1 0+4 | r8 0+4 | r9 0+4 | stack@0 0+4", l_,
           i_, f_, i_, i_, i_);
    EXPECT("a user type by its address", "&rcx | rdx 0+4 | xmm2 0+8 | r9 0+4 | stack@0 0+4",
           array(i_, 3), i_, d_, i_, f_);
    EXPECT("a user type in rax", "rax 0+8 | rcx 0+4 | xmm1 0+8 | r8 0+4 | xmm3 0+4", STRUCT(i_, i_),
           i_, d_, i_, f_);
    EXPECT("float", "xmm0 0+4 | xmm0 0+4", f_, f_);
    EXPECT("double", "xmm0 0+8 | xmm0 0+8", d_, d_);
    expect("narrow", "rax 0+1", &pytramp_type_bool, 0, NULL);
    expect("nothing", "", v_, 0, NULL);
    say("return values");
}

/* 1, 2, 4 and 8 bytes go by value, whatever they are made of. */
static void test_aggregates(void) {
    static const size_t by_value[] = {1, 2, 4, 8}, by_address[] = {3, 5, 6, 7, 9, 16, 17};
    for (size_t i = 0; i < COUNT(by_value); i++) {
        char expected[60];
        snprintf(expected, sizeof expected, "rax 0+%zu | rcx 0+%zu", by_value[i], by_value[i]);
        EXPECT("by value", expected, array(c_, by_value[i]), array(c_, by_value[i]));
    }
    for (size_t i = 0; i < COUNT(by_address); i++)
        EXPECT("by address", "&rcx | &rdx", array(c_, by_address[i]), array(c_, by_address[i]));
    EXPECT("a float in a struct", "rax 0+4 | rcx 0+4", STRUCT(f_), STRUCT(f_));
    EXPECT("a double in a union", "rax 0+8 | rcx 0+8", UNION(d_, f_), UNION(d_, f_));
    EXPECT("packed", "&rcx | &rdx", PACKED(c_, i_), PACKED(c_, i_));
    say("aggregates");
}

/* What only compilers define. */
static void test_silence(void) {
    EXPECT("complex float", "rax 0+8 | rcx 0+8", cf_, cf_);
    EXPECT("complex double", "&rcx | &rdx", cd_, cd_);
    EXPECT("_Float16 in a struct", "rax 0+2 | rcx 0+2", STRUCT(h_), STRUCT(h_));
    EXPECT("empty structs take a register", " | &rcx | rdx 0+4 | &r8 | r9 0+4", v_, empty(), i_,
           empty(), i_);
#if defined(__x86_64__) && __SIZEOF_LONG_DOUBLE__ > 8 /* the convention with the compiler's types  \
                                                       */
    EXPECT("a larger long double", "&rcx | &rdx", ld_, ld_);
#else
    EXPECT("Microsoft's long double", "xmm0 0+8 | xmm0 0+8", ld_, ld_);
#endif
#ifdef __SIZEOF_INT128__
    EXPECT("__int128", "xmm0 0+16 | &rcx", &pytramp_type_int128, &pytramp_type_int128);
    EXPECT("__int128 in a struct", "&rcx | &rdx", STRUCT(&pytramp_type_uint128),
           STRUCT(&pytramp_type_uint128));
#endif
    say("__int128, long double, complex, nothing");
}

static void test_refused(void) {
    const pytramp_type *giant = array(c_, (size_t)3 << 28), *raised;
    const pytramp_member member[] = {{i_, 1, 0}};
    CHECK_OK(pytramp_type_layout(&raised, 64, 64, 1, member));
    EXPECT("of any size", "&rcx | &rdx | &r8 | &r9 | &stack@0", giant, giant, giant, giant, giant);
    EXPECT("of any alignment", "&rcx | &rdx", raised, raised);
    REFUSE(PYTRAMP_E_TYPE, i_, v_);
    REFUSE(PYTRAMP_E_TYPE, i_, i_, h_);
    REFUSE(PYTRAMP_E_TYPE, h_, i_);
    REFUSE(PYTRAMP_E_TYPE, empty(), i_);
    check_intricate(c_);
    say("refused: void, what compilers put into different places");
}

static void test_many_arguments(void) {
    static const pytramp_type *args[MOST];
    for (size_t i = 0; i < MOST; i++)
        args[i] = i % 2 ? d_ : c_;
    const pytramp_signature *signature = make(i_, MOST, args);
    char last[40];
    snprintf(last, sizeof last, "stack@%d 0+8", 8 * (MOST - 1 - 4));
    CHECK(!strcmp(places_text(signature, 4), "stack@0 0+1"), "%s", places_text(signature, 4));
    CHECK(!strcmp(places_text(signature, MOST - 1), last), "%s", places_text(signature, MOST - 1));
    CHECK(signature->stack_size == 8 * (MOST - 4), "%u", signature->stack_size);
    say("%d arguments", MOST);
}

/* Which machine calls them, and which knows what stands for "...". */
static void test_host(void) {
    const pytramp_signature *signature;
    void *code;
    pytramp_status expected = PYTRAMP_E_ABI;
    int is_here = 0;
#ifdef __x86_64__
    is_here = 1;
#  ifdef _WIN32
    expected = PYTRAMP_OK;
#  endif
#endif
    CHECK((pt_port_of(make(v_, 0, NULL)->abi) != NULL) == is_here, "%d", is_here);
    CHECK_OK(pytramp_signature_new_variadic(&signature, abi, i_, 1, &d_));
    CHECK(!strcmp(places_text(signature, 0), "xmm0 0+8"), "%s", places_text(signature, 0));
    CHECK_STATUS(pytramp_closure_new(&code, signature, (pytramp_handler)test_host, NULL), expected);
    say("closures: %s", is_here ? "here" : "elsewhere");
}

int main(void) {
    abi = PYTRAMP_ABI_WIN64;
    test_parameter_passing();
    test_return_values();
    test_aggregates();
    test_silence();
    test_refused();
    test_many_arguments();
    test_host();
    say("%d signatures explained", cases);
    return 0;
}
