/* Where MIPS n64 puts values, as the "MIPSpro N32 ABI Handbook" says, and gcc where it is silent.
 */
#include "check.h"

#include "places.h"

/* Small integers are at the end of their doubleword in memory where the machine that asks is
 * big-endian; aggregates are at the beginning. */
#if PT_BIG_ENDIAN
#  define ENDS_4 "4"
#else
#  define ENDS_4 "0"
#endif

static void test_scalars(void) {
    EXPECT("integers", "v0 0+4 | a0 0+1 | a1 0+4 | a2 0+8 | a3 0+8", i_, c_, i_, l_, p_);
    EXPECT("numbers share their count with integers", "f0 0+8 | f12 0+4 | a1 0+4 | f14 0+8", d_, f_,
           i_, d_);
    EXPECT("long double: an even pair", "f0 0+8, f2 8+8 | a0 0+4 | f14 0+8, f15 8+8 | a4 0+4", ld_,
           i_, ld_, i_);
    EXPECT("complex", "f0 0+4, f2 4+4 | f12 0+4, f13 4+4 | a2 0+4 | f15 0+8, f16 8+8", cf_, cf_, i_,
           cd_);
    EXPECT("complex long double", "&a0 | f14 0+8, f15 8+8, f16 16+8, f17 24+8", cld_, cld_);
#ifdef __SIZEOF_INT128__
    const pytramp_type *wide = &pytramp_type_int128;
    EXPECT("__int128: an even pair", "v0 0+8, v1 8+8 | a0 0+4 | a2 0+8, a3 8+8", wide, i_, wide);
#endif
    expect("nothing", "", v_, 0, NULL);
    REFUSE(PYTRAMP_E_TYPE, v_, i_, h_);
    REFUSE(PYTRAMP_E_TYPE, h_, i_);
    REFUSE(PYTRAMP_E_TYPE, i_, v_);
    say("scalars");
}

/* A double of its own doubleword, by itself, is in a floating-point register. */
static void test_aggregates(void) {
    EXPECT("doubles among others", " | f12 0+8, a1 8+8, f14 16+8, a3 24+8", v_,
           STRUCT(d_, l_, d_, f_));
    EXPECT("not in arrays, structs and unions", " | a0 0+8 | a1 0+8 | a2 0+8", v_,
           array(d_, PYTRAMP_ARRAY_OF_ONE), STRUCT(STRUCT(d_)), UNION(d_));
    EXPECT("nor across doublewords", " | a0 0+8, a1 8+4", v_, PACKED(i_, d_));
    EXPECT("nor floats", " | a0 0+4 | a1 0+8", v_, STRUCT(f_), STRUCT(f_, f_));
    EXPECT("empty", " |  | a0 0+4", empty(), empty(), i_);
    const pytramp_type *raised, *more;
    const pytramp_member member = {i_, 1, 0};
    CHECK_OK(pytramp_type_layout(&raised, 16, 16, 1, &member));
    CHECK_OK(pytramp_type_layout(&more, 32, 32, 1, &member));
    EXPECT("aligned to a quadword", " | a0 0+4 | a2 0+8, a3 8+8 | a4 0+4", v_, i_, raised, i_);
    REFUSE(PYTRAMP_E_TYPE, v_, more);
    say("aggregates");
}

static void test_results(void) {
    const size_t alignment = pytramp_type_alignment(d_); /* 4 on i386 */
    EXPECT("one number", "f0 0+4 | a0 0+4", STRUCT(f_), i_);
    EXPECT("two numbers", "f0 0+8, f2 8+4 | a0 0+4", STRUCT(d_, f_), i_);
    EXPECT("a long double in a struct", "f0 0+8, f1 8+8 | a0 0+4", STRUCT(ld_), i_);
    EXPECT("beside something else", "v0 0+8, v1 8+8 | a0 0+4", STRUCT(d_, i_), i_);
    EXPECT("beside nothing", "v0 0+8 | a0 0+4", STRUCT(d_, empty()), i_);
    EXPECT("an array", "v0 0+8 | a0 0+4", array(f_, 2), i_);
    EXPECT("a union", "v0 0+8 | a0 0+4", UNION(d_), i_);
    EXPECT("in another order of members", "f0 0+4, f2 4+4 | a0 0+4",
           LAYOUT(8, 4, {f_, 1, 4}, {f_, 1, 0}), i_);
    EXPECT("members that overlap", "v0 0+8 | a0 0+8 | a1 0+8",
           LAYOUT(8, alignment, {d_, 1, 0}, {d_, 1, 0}),
           LAYOUT(8, alignment, {d_, 1, 0}, {d_, 1, 0}),
           LAYOUT(8, alignment, {d_, 1, 0}, {l_, 1, 0}));
    EXPECT("three floats", "v0 0+8, v1 8+4 | a0 0+4", STRUCT(f_, f_, f_), i_);
    EXPECT("seventeen bytes", "&a0 | a1 0+4", array(c_, 17), i_);
    say("results");
}

static void test_registers_run_out(void) {
    const pytramp_type *six = array(l_, 6), *seven = array(l_, 7);
    EXPECT("split between registers and memory",
           " | a0 0+8, a1 8+8, a2 16+8, a3 24+8, a4 32+8, a5 40+8 | a6 0+8, f19 8+8, stack@0 16+8 "
           "| stack@8 0+8",
           v_, six, STRUCT(l_, d_, i_), d_);
    EXPECT("small values",
           " | a0 0+8, a1 8+8, a2 16+8, a3 24+8, a4 32+8, a5 40+8, a6 48+8 | a7 0+4 | stack@" ENDS_4
           " 0+4 | stack@8 0+4 | stack@16 0+3",
           v_, seven, i_, i_, f_, array(c_, 3));
    EXPECT("complex in the last register: as a struct",
           " | a0 0+8, a1 8+8, a2 16+8, a3 24+8, a4 32+8, a5 40+8, a6 48+8 | a7 0+8 | stack@0 0+16",
           v_, seven, cf_, cd_);
    EXPECT(
        "half a complex long double",
        " | a0 0+8, a1 8+8, a2 16+8, a3 24+8, a4 32+8, a5 40+8 | f18 0+8, f19 8+8, stack@0 16+16",
        v_, six, cld_);
    EXPECT("an even place in memory",
           " | a0 0+8, a1 8+8, a2 16+8, a3 24+8, a4 32+8, a5 40+8, a6 48+8 | stack@0 0+16", v_,
           seven, ld_);
    say("registers that run out");
}

int main(void) {
    abi = PYTRAMP_ABI_MIPS_N64;
    test_scalars();
    test_aggregates();
    test_results();
    test_registers_run_out();
    check_intricate(c_);
    check_intricate(d_);
    say("%d signatures explained", cases);
    return 0;
}
