/* Where Arm's 64-bit conventions put values, clause by clause; and where Apple and Windows differ.
 */
#include "check.h"

#include "places.h"

static const pytramp_type *const s_ = &pytramp_type_short;

static void expect_variadic(const char *what, const char *expected, const pytramp_type *result,
                            size_t n, const pytramp_type *const *args) {
    const pytramp_signature *signature;
    CHECK_OK(pytramp_signature_new_variadic(&signature, abi, result, n, args));
    expect_places(what, expected, signature, n);
}

#define EXPECT_VARIADIC(what, expected, result, ...)                                               \
    expect_variadic(what, expected, result, TYPES(__VA_ARGS__))

/* For arguments that come after all registers of a kind were used. */
#define EIGHT(x) x, x, x, x, x, x, x, x
#define IN_X     " | x0 0+4 | x1 0+4 | x2 0+4 | x3 0+4 | x4 0+4 | x5 0+4 | x6 0+4 | x7 0+4"
#define IN_V     " | v0 0+4 | v1 0+4 | v2 0+4 | v3 0+4 | v4 0+4 | v5 0+4 | v6 0+4 | v7 0+4"

/* ---- All three ---- */

static void test_scalars(void) {
    EXPECT("C.9", "x0 0+4 | x0 0+4 | x1 0+8 | x2 0+1 | x3 0+8", i_, i_, l_, c_,
           &pytramp_type_ulonglong);
    EXPECT("C.1", "v0 0+8 | v0 0+4 | v1 0+8 | x0 0+4 | v2 0+2", d_, f_, d_, i_, h_);
    EXPECT("a result in a vector register", "v0 0+2 | x0 0+1", h_, &pytramp_type_bool);
    EXPECT("complex numbers are structs of two", "v0 0+8, v1 8+8 | v0 0+4, v1 4+4", cd_, cf_);
    expect("nothing", "", v_, 0, NULL);
}

static void test_homogeneous(void) {
    const pytramp_type *f4 = array(f_, 4), *ff = STRUCT(f_, f_);
    EXPECT("C.2: one register for each element",
           "v0 0+4, v1 4+4, v2 8+4, v3 12+4 | v0 0+4 | v1 0+4, v2 4+4 | v3 0+8, v4 8+8, v5 16+8",
           f4, f_, ff, array(d_, 3));
    EXPECT("five are too many", "&x8 | &x0 | x1 0+4", array(f_, 5), array(d_, 5), i_);
    EXPECT("halves", "v0 0+2, v1 2+2, v2 4+2 | v0 0+2", array(h_, 3), STRUCT(h_));
    EXPECT("nested", "v0 0+4, v1 4+4, v2 8+4 | v0 0+4, v1 4+4, v2 8+4, v3 12+4", STRUCT(ff, f_),
           array(ff, 2));
    EXPECT("with complex members", "v0 0+4, v1 4+4, v2 8+4 | v0 0+8, v1 8+8", STRUCT(f_, cf_),
           STRUCT(cd_));
    EXPECT("unions", "v0 0+4, v1 4+4 | v0 0+4, v1 4+4, v2 8+4", UNION(f_, ff),
           UNION(array(f_, 3), ff, cf_));
    EXPECT("an empty member", "v0 0+8 | v0 0+4, v1 4+4", STRUCT(empty(), d_),
           STRUCT(f_, array(empty(), 9), f_));
    EXPECT("two types", "x0 0+8, x1 8+8 | x0 0+8 | x1 0+8", STRUCT(f_, d_), STRUCT(f_, i_),
           UNION(f_, d_));
    EXPECT("packed", "v0 0+4, v1 4+4 | x0 0+5", PACKED(f_, f_), PACKED(f_, c_));
}

static void test_padding(void) {
    const pytramp_member one[] = {{f_, 1, 0}}, late[] = {{d_, 1, 8}},
                         gap[] = {{f_, 1, 0}, {f_, 1, 8}};
    const pytramp_type *padded = laid_out(8, 8, 4, 1, one);
    EXPECT("padding behind it", "x0 0+8 | x0 0+8", padded, padded);
    EXPECT("padding before it", "x0 0+8, x1 8+8 | x0 0+4", laid_out(16, 8, 8, 1, late), i_);
    EXPECT("padding between", "x0 0+8, x1 8+4 | x0 0+8, x1 8+4", laid_out(12, 4, 4, 2, gap),
           laid_out(12, 4, 4, 2, gap));
    EXPECT("padding that a union covers", "x0 0+8 | x0 0+8", UNION(padded, array(f_, 2)),
           UNION(array(f_, 2), padded));
}

static void test_composites(void) {
    EXPECT("C.12", "x0 0+3 | x0 0+3 | x1 0+8, x2 8+1 | x3 0+8, x4 8+8", array(c_, 3), array(c_, 3),
           array(c_, 9), STRUCT(l_, d_));
    EXPECT("B.4: more than 16 bytes", "&x8 | &x0 | x1 0+4 | &x2", array(c_, 17), array(c_, 17), i_,
           array(l_, 3));
    EXPECT("C.13: a pair that does not fit, and nothing after it",
           " | x0 0+8 | x1 0+8 | x2 0+8 | x3 0+8 | x4 0+8 | x5 0+8 | x6 0+8 | stack@0 0+16 | "
           "stack@16 0+8 | v0 0+8",
           v_, l_, l_, l_, l_, l_, l_, l_, STRUCT(l_, l_), l_, d_);
    EXPECT("C.3: elements that do not fit, and none after them",
           " | v0 0+8 | v1 0+8 | v2 0+8 | v3 0+8 | v4 0+8 | v5 0+8 | stack@0 0+24 | stack@24 0+8 "
           "| x0 0+4",
           v_, d_, d_, d_, d_, d_, d_, array(d_, 3), d_, i_);
    EXPECT("an address on the stack", "&x8" IN_X " | &stack@0 | stack@8 0+8", array(l_, 4),
           EIGHT(i_), array(l_, 4), l_);
    EXPECT("nothing is passed for nothing", " |  | x0 0+4 | ", empty(), empty(), i_, empty());
}

static void test_alignment(void) {
    const pytramp_member one[] = {{i_, 1, 0}};
    const pytramp_type *args[] = {laid_out(32, 32, 32, 1, one)};
    refuse(abi, v_, 1, args, PYTRAMP_E_TYPE);
    expect("a result of any alignment", "&x8", args[0], 0, NULL);
}

static void test_all_three(void) {
    static const pytramp_abi all[] = {PYTRAMP_ABI_AAPCS64_APPLE, PYTRAMP_ABI_AAPCS64_WINDOWS,
                                      PYTRAMP_ABI_AAPCS64};
    for (size_t i = 0; i < COUNT(all); i++) {
        abi = all[i];
        test_scalars();
        test_homogeneous();
        test_padding();
        test_composites();
        test_alignment();
    }
    say("what all three share");
}

/* ---- The standard ---- */

static void test_stack(void) {
    EXPECT("C.16, C.5: eight bytes for each",
           "x0 0+4" IN_X " | stack@0 0+1 | stack@8 0+2 | stack@16 0+4 | v0 0+4", i_, EIGHT(i_), c_,
           s_, i_, f_);
    EXPECT("the same for floats", IN_V " | stack@0 0+2 | stack@8 0+4 | stack@16 0+8 | x0 0+1", v_,
           EIGHT(f_), h_, f_, d_, c_);
    EXPECT("small structs", IN_X " | stack@0 0+3 | stack@8 0+12 | stack@24 0+1", v_, EIGHT(i_),
           array(c_, 3), array(i_, 3), c_);
    EXPECT("small homogeneous ones",
           IN_V " | stack@0 0+12 | stack@16 0+4 | stack@24 0+6 | stack@32 "
                "0+4",
           v_, EIGHT(f_), array(f_, 3), STRUCT(f_), array(h_, 3), f_);
    EXPECT_VARIADIC("named arguments of a variadic function", "x0 0+4 | v0 0+8 | v1 0+4, v2 4+4",
                    i_, d_, array(f_, 2));
    say("the standard's stack");
}

static void test_natural_alignment(void) {
    const pytramp_member i[] = {{i_, 1, 0}}, dd[] = {{d_, 2, 0}};
    const pytramp_type *of_member = laid_out(16, 16, 16, 1, i),
                       *of_whole = laid_out(16, 16, 4, 1, i),
                       *unknown[] = {laid_out(16, 16, 0, 1, i)},
                       *padding = laid_out(1, 1, 0, 0, NULL);
    EXPECT("C.10: an even register", "x0 0+8, x1 8+8 | x0 0+4 | x2 0+8, x3 8+8 | x4 0+4", of_member,
           i_, of_member, i_);
    EXPECT("B.6: but not for an attribute of the whole",
           "x0 0+8, x1 8+8 | x0 0+4 | x1 0+8, x2 8+8 | x3 0+4", of_whole, i_, of_whole, i_);
    EXPECT("C.14: on the stack",
           IN_X " | stack@0 0+4 | stack@16 0+16 | stack@32 0+16 | stack@48 0+4", v_, EIGHT(i_), i_,
           of_member, of_whole, i_);
    EXPECT("... of the whole", IN_X " | stack@0 0+4 | stack@8 0+16 | stack@24 0+4", v_, EIGHT(i_),
           i_, of_whole, i_);
    EXPECT("C.4: elements on the stack",
           IN_V " | stack@0 0+4 | stack@16 0+16 | stack@32 0+4 | stack@40 0+16", v_, EIGHT(f_), f_,
           laid_out(16, 16, 16, 1, dd), f_, laid_out(16, 16, 8, 1, dd));
    refuse(abi, v_, 1, unknown, PYTRAMP_E_TYPE);
    const pytramp_member large[] = {{i_, 8, 0}};
    EXPECT("an address has no such question", " | &x0 | &x1", v_, laid_out(32, 16, 0, 1, large),
           laid_out(32, 16, 16, 1, large));
    EXPECT("structs of nothing but padding", "x0 0+1 | x0 0+1 | x1 0+4 | x2 0+1", padding, padding,
           i_, STRUCT(padding));
    say("natural alignment");
}

static void test_quad(void) {
    EXPECT("quads", "v0 0+16 | v0 0+16 | v1 0+16, v2 16+16 | x0 0+4", ld_, ld_, cld_, i_);
    EXPECT("four quads are 64 bytes", "v0 0+16, v1 16+16, v2 32+16, v3 48+16 | &x0", array(ld_, 4),
           array(ld_, 5));
    EXPECT("C.4: aligned on the stack",
           IN_V " | stack@0 0+4 | stack@16 0+16 | stack@32 0+32 | stack@64 0+4", v_, EIGHT(f_), f_,
           ld_, array(ld_, 2), f_);
    say("quad precision");
}

#ifdef __SIZEOF_INT128__
static void test_int128(void) {
    const pytramp_type *o_ = &pytramp_type_int128;
    EXPECT("C.10, C.11", "x0 0+8, x1 8+8 | x0 0+4 | x2 0+8, x3 8+8 | x4 0+4", o_, i_, o_, i_);
    EXPECT(
        "C.13: x7 is left unused",
        " | x0 0+8 | x1 0+8 | x2 0+8 | x3 0+8 | x4 0+8 | x5 0+8 | x6 0+8 | stack@0 0+16 | stack@16 "
        "0+4",
        v_, l_, l_, l_, l_, l_, l_, l_, o_, i_);
    EXPECT("C.14", IN_X " | stack@0 0+4 | stack@16 0+16", v_, EIGHT(i_), i_, o_);
    EXPECT("in a struct", "x0 0+8, x1 8+8 | x0 0+4 | x2 0+8, x3 8+8 | &x4", STRUCT(o_), i_,
           STRUCT(o_), STRUCT(o_, c_));
    say("__int128");
}
#else
static void test_int128(void) {}
#endif

static void test_standard(void) {
    abi = PYTRAMP_ABI_AAPCS64;
    test_stack();
    test_natural_alignment();
    test_quad();
    test_int128();
}

/* ---- Apple ---- */

static void test_apple(void) {
    abi = PYTRAMP_ABI_AAPCS64_APPLE;
    const pytramp_member i[] = {{i_, 1, 0}}, dd[] = {{d_, 2, 0}};
    const pytramp_type *whole = laid_out(16, 16, 4, 1, i), *padding = laid_out(1, 1, 0, 0, NULL);
    EXPECT("no padding on the stack",
           IN_X
           " | stack@0 0+1 | stack@1 0+1 | stack@2 0+2 | stack@4 0+4 | stack@8 0+1 | stack@16 0+8",
           v_, EIGHT(i_), c_, c_, s_, i_, c_, l_);
    EXPECT("floats", IN_V " | stack@0 0+2 | stack@4 0+4 | stack@8 0+2 | stack@16 0+8", v_,
           EIGHT(f_), h_, f_, h_, d_);
    EXPECT("structs are doublewords", IN_X " | stack@0 0+1 | stack@8 0+3 | stack@16 0+1", v_,
           EIGHT(i_), c_, array(c_, 3), c_);
    EXPECT("elements are like values",
           IN_V " | stack@0 0+4 | stack@4 0+12 | stack@16 0+2 | stack@18 0+6 | stack@24 0+16", v_,
           EIGHT(f_), f_, array(f_, 3), h_, array(h_, 3), laid_out(16, 16, 16, 1, dd));
    EXPECT("long double is double", "v0 0+8 | v0 0+8 | v1 0+8, v2 8+8", ld_, ld_, STRUCT(ld_, d_));
    check_intricate(f_); /* Apple's looks at most, and the code is the same */
    EXPECT("an attribute of the whole", IN_X " | stack@0 0+1 | stack@16 0+16", v_, EIGHT(i_), c_,
           whole);
    EXPECT("no even register", " | x0 0+4 | x1 0+8, x2 8+8 | x3 0+4", v_, i_, whole, i_);
    EXPECT("structs of nothing but padding", " |  | x0 0+4 | ", padding, padding, i_,
           STRUCT(padding));
#ifdef __SIZEOF_INT128__
    const pytramp_type *o_ = &pytramp_type_int128;
    EXPECT("nor for __int128", "x0 0+8, x1 8+8 | x0 0+4 | x1 0+8, x2 8+8 | x3 0+4", o_, i_, o_, i_);
    EXPECT("__int128 on the stack", IN_X " | stack@0 0+1 | stack@16 0+16 | stack@32 0+1", v_,
           EIGHT(i_), c_, o_, c_);
#endif
    say("Apple");
}

/* ---- Windows ---- */

static void test_windows(void) {
    abi = PYTRAMP_ABI_AAPCS64_WINDOWS;
    const pytramp_member i[] = {{i_, 1, 0}};
    const pytramp_type *whole = laid_out(16, 16, 4, 1, i), *pair = STRUCT(l_, l_);
    EXPECT("long and wchar_t", "x0 0+4 | x0 0+2 | v0 0+8", &pytramp_type_long, &pytramp_type_wchar,
           ld_);
    EXPECT("an attribute of the whole", " | x0 0+4 | x2 0+8, x3 8+8 | x4 0+4", v_, i_, whole, i_);
    EXPECT_VARIADIC("no vector register", "v0 0+8 | x0 0+4 | x1 0+8 | x2 0+4", d_, f_, d_, f_);
    EXPECT_VARIADIC("nor for elements", "v0 0+4, v1 4+4 | x0 0+8, x1 8+4 | &x2 | x3 0+8",
                    array(f_, 2), array(f_, 3), array(d_, 4), cf_);
    EXPECT_VARIADIC("half in x7, half on the stack",
                    " | x0 0+4 | x1 0+4 | x2 0+8, x3 8+8 | x4 0+8, x5 8+8 | x6 0+4 | x7 0+8, "
                    "stack@0 8+8 | stack@8 0+4",
                    v_, i_, i_, pair, pair, i_, pair, i_);
    EXPECT_VARIADIC("aligned on the imaginary stack",
                    IN_X " | stack@0 0+4 | stack@16 0+16 | stack@32 0+8 | &stack@40", v_, EIGHT(i_),
                    i_, whole, d_, array(l_, 3));
#ifdef __SIZEOF_INT128__
    const pytramp_type *o_ = &pytramp_type_int128;
    EXPECT("as the standard", "x0 0+8, x1 8+8 | x0 0+4 | x2 0+8, x3 8+8", o_, i_, o_);
    EXPECT_VARIADIC("as on a stack", " | x0 0+4 | x2 0+8, x3 8+8 | x4 0+4", v_, i_, o_, i_);
#endif
    say("Windows");
}

int main(void) {
    need_natural_alignment();
    test_all_three();
    test_standard();
    test_apple();
    test_windows();
    say("%d signatures explained", cases);
    return 0;
}
