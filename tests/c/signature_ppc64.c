/* Where 64-bit PowerPC puts values, as the "64-Bit ELF V2 ABI Specification" says; and where the
 * "64-bit PowerPC ELF ABI Supplement" puts those that it has elsewhere.
 *
 * Small values are at the end of their doubleword in memory where the machine that asks is
 * big-endian. */
#include "check.h"

#include "places.h"

#if PT_BIG_ENDIAN
#  define ENDS_4 "4"
#  define ENDS_5 "5"
#else
#  define ENDS_4 "0"
#  define ENDS_5 "0"
#endif

static void test_scalars(void) {
    EXPECT("integers", "r3 0+4 | r3 0+1 | r4 0+4 | r5 0+8 | r6 0+8", i_, c_, i_, l_, p_);
    EXPECT("numbers", "f1 0+8 | f1 0+4 | f2 0+8", d_, f_, d_);
    EXPECT("a number leaves out a general register", "f1 0+4 | r3 0+4 | f1 0+8 | r5 0+4", f_, i_,
           d_, i_);
    EXPECT("complex", "f1 0+4, f2 4+4 | f1 0+4, f2 4+4 | r5 0+4 | f3 0+8, f4 8+8 | r8 0+4", cf_,
           cf_, i_, cd_, i_);
#ifdef __SIZEOF_INT128__
    const pytramp_type *wide = &pytramp_type_int128;
    EXPECT("__int128", "r3 0+8, r4 8+8 | r3 0+4 | r4 0+8, r5 8+8", wide, i_, wide);
#endif
    expect("nothing", "", v_, 0, NULL);
    say("scalars");
}

/* 2.2.3.1: up to eight registers, without padding. */
static void test_homogeneous(void) {
    const size_t alignment = pytramp_type_alignment(d_); /* 4 on i386 */
    EXPECT("three floats", "f1 0+4, f2 4+4, f3 8+4 | f1 0+4, f2 4+4, f3 8+4 | r5 0+4", array(f_, 3),
           STRUCT(f_, f_, f_), i_);
    EXPECT("eight doubles",
           " | f1 0+8, f2 8+8, f3 16+8, f4 24+8, f5 32+8, f6 40+8, f7 48+8, f8 56+8", v_,
           array(d_, 8));
    EXPECT("nine floats", "&r3 | r4 0+8, r5 8+8, r6 16+8, r7 24+8, r8 32+4", array(f_, 9),
           array(f_, 9));
    EXPECT("complex and nested", " | f1 0+4, f2 4+4, f3 8+4, f4 12+4", v_,
           STRUCT(cf_, STRUCT(f_, array(f_, PYTRAMP_ARRAY_OF_ONE))));
    EXPECT("unions", " | f1 0+8, f2 8+8 | r5 0+8 | r6 0+8", v_, UNION(d_, array(d_, 2)),
           UNION(d_, f_), UNION(d_, l_));
    EXPECT("empty members", " | f1 0+8", v_, STRUCT(empty(), d_, empty()));
    EXPECT("two types", " | r3 0+8, r4 8+8", v_, STRUCT(f_, d_));
    EXPECT("members in another order", "f1 0+4, f2 4+4 | f1 0+4, f2 4+4",
           LAYOUT(8, 4, {f_, 1, 4}, {f_, 1, 0}), LAYOUT(8, 4, {f_, 1, 4}, {f_, 1, 0}));
    EXPECT("members that overlap", " | f1 0+8 | r4 0+8", v_,
           LAYOUT(8, alignment, {d_, 1, 0}, {d_, 1, 0}),
           LAYOUT(8, alignment, {d_, 1, 0}, {l_, 1, 0}));
    const pytramp_type *padded = LAYOUT(12, 4, {f_, 1, 0}, {f_, 1, 8});
    EXPECT("padding", "r3 0+8, r4 8+4 | r3 0+8, r4 8+4", padded, padded);
    say("homogeneous aggregates");
}

/* Two doubles; with musl, one. */
static void test_long_doubles(void) {
#if defined(__powerpc64__) && __LDBL_MANT_DIG__ == __DBL_MANT_DIG__
    EXPECT("scalars", "f1 0+8 | r3 0+4 | f1 0+8 | r5 0+4", ld_, i_, ld_, i_);
    EXPECT("beside a double", " | f1 0+8, f2 8+8", v_, STRUCT(d_, ld_));
#else
    EXPECT("scalars", "f1 0+8, f2 8+8 | r3 0+4 | f1 0+8, f2 8+8 | r6 0+4", ld_, i_, ld_, i_);
    EXPECT("complex", "f1 0+8, f2 8+8, f3 16+8, f4 24+8 | r3 0+4", cld_, i_);
    EXPECT("four long doubles fill them, five do not",
           "f1 0+8, f2 8+8, f3 16+8, f4 24+8, f5 32+8, f6 40+8, f7 48+8, f8 56+8 | r3 0+8, r4 8+8, "
           "r5 16+8, r6 24+8, r7 32+8, r8 40+8, r9 48+8, r10 56+8, stack@0 64+16",
           array(ld_, 4), array(ld_, 5));
#endif
    say("long double");
}

static void test_aggregates(void) {
    EXPECT("sixteen bytes", "r3 0+8, r4 8+8 | r3 0+8, r4 8+8", array(c_, 16), array(c_, 16));
    EXPECT("seventeen", "&r3 | r4 0+8, r5 8+8, r6 16+1 | r7 0+4", array(c_, 17), array(c_, 17), i_);
    EXPECT("three", "r3 0+3 | r3 0+3", array(c_, 3), array(c_, 3));
    EXPECT("split between registers and memory",
           " | r3 0+8 | r4 0+8 | r5 0+8 | r6 0+8 | r7 0+8 | r8 0+8 | r9 0+8, r10 8+8, stack@0 16+8 "
           "| stack@8 0+8",
           v_, l_, l_, l_, l_, l_, l_, array(l_, 3), l_);
    EXPECT("empty", " |  | r3 0+4", empty(), empty(), i_);
    const pytramp_type *raised, *more;
    const pytramp_member member = {i_, 1, 0};
    CHECK_OK(pytramp_type_layout(&raised, 16, 16, 1, &member));
    CHECK_OK(pytramp_type_layout(&more, 32, 32, 1, &member));
    EXPECT("aligned to a quadword", " | r3 0+4 | r5 0+8, r6 8+8 | r7 0+4", v_, i_, raised, i_);
    REFUSE(PYTRAMP_E_TYPE, v_, more);
    REFUSE(PYTRAMP_E_TYPE, v_, h_);
    REFUSE(PYTRAMP_E_TYPE, h_, i_);
    REFUSE(PYTRAMP_E_TYPE, v_, STRUCT(h_, h_));
    say("aggregates");
}

static void test_registers_run_out(void) {
    EXPECT("integers",
           " | r3 0+8, r4 8+8, r5 16+8, r6 24+8, r7 32+8, r8 40+8, r9 48+8 | r10 0+4 | "
           "stack@" ENDS_4 " 0+4 | stack@8 0+8",
           v_, array(l_, 7), i_, i_, l_);
    EXPECT("small aggregates",
           " | r3 0+8, r4 8+8, r5 16+8, r6 24+8, r7 32+8, r8 40+8, r9 48+8, r10 "
           "56+8 | stack@" ENDS_5 " 0+3",
           v_, array(l_, 8), array(c_, 3));
    const pytramp_type *four = array(f_, 4);
    EXPECT(
        "floats: the last in general registers, then in memory",
        " | f1 0+4, f2 4+4, f3 8+4, f4 12+4 | f5 0+4, f6 4+4, f7 8+4, f8 12+4 | f9 0+4, f10 4+4, "
        "f11 8+4, f12 12+4 | f13 0+4, r9 4+4, r10 8+8 | stack@" ENDS_4 " 0+4",
        v_, four, four, four, four, f_);
    EXPECT("doubles leave room in memory, too",
           " | f1 0+8, f2 8+8, f3 16+8, f4 24+8, f5 32+8, f6 40+8, f7 48+8, f8 56+8 | f9 0+8 | "
           "stack@8 0+8",
           v_, array(d_, 8), d_, l_);
    say("registers that run out");
}

/* Version 1, 3.2.3 and 3.2.5: no homogeneous aggregates, no aggregates returned in registers, small
 * values right-justified on every machine. */
static void test_version_1(void) {
    EXPECT("scalars", "r3 0+4 | r3 0+1 | f1 0+4 | r5 0+8 | f2 0+4, f3 4+4", i_, c_, f_, l_, cf_);
    EXPECT("results", "&r3 | r4 0+8 | r5 0+3", STRUCT(d_), STRUCT(l_), array(c_, 3));
    EXPECT("empty results", "&r3 | r4 0+4", empty(), i_);
    EXPECT("one number is that number, an array of one too", " | f1 0+8 | f2 0+4 | f3 0+4", v_,
           STRUCT(d_), STRUCT(empty(), STRUCT(f_)), array(f_, PYTRAMP_ARRAY_OF_ONE));
    EXPECT("two are not, nor a union", " | r3 0+8 | r4 0+8, r5 8+8 | r6 0+8", v_, STRUCT(f_, f_),
           array(d_, 2), UNION(d_));
    EXPECT("the right end in memory, too",
           " | r3 0+8, r4 8+8, r5 16+8, r6 24+8, r7 32+8, r8 40+8, r9 48+8, r10 56+8 | stack@4 0+4 "
           "| stack@13 0+3 | stack@16 0+12 | f1 0+4",
           v_, array(l_, 8), i_, array(c_, 3), array(c_, 12), f_);
    REFUSE(PYTRAMP_E_TYPE, v_, STRUCT(h_));
    say("version 1");
}

int main(void) {
    abi = PYTRAMP_ABI_ELFV2_PPC64;
    test_scalars();
    test_homogeneous();
    test_long_doubles();
    test_aggregates();
    test_registers_run_out();
    check_intricate(c_);
    check_intricate(f_);
    abi = PYTRAMP_ABI_ELFV1_PPC64;
    test_version_1();
    check_intricate(f_);
    say("%d signatures explained", cases);
    return 0;
}
