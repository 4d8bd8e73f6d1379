/* Where 32-bit Arm's AAPCS, the variant with VFP registers, puts values: rule by rule. */
#include "check.h"

#include "places.h"
#include "port.h"

static void test_core(void) {
    EXPECT("B.2, C.4: words", "r0 0+4 | r0 0+4 | r1 0+1 | r2 0+2 | r3 0+1 | stack@0 0+4", i_, i_,
           c_, &pytramp_type_short, &pytramp_type_bool, i_);
    EXPECT("C.3: even registers for double words", "r0 0+4, r1 4+4 | r0 0+4 | r2 0+4, r3 4+4", l_,
           i_, l_);
    EXPECT("C.3, C.7: ... and even words",
           " | r0 0+4 | r1 0+4 | r2 0+4 | stack@0 0+8 | stack@8 0+4 | stack@16 0+8", v_, i_, i_, i_,
           l_, i_, l_);
    EXPECT("C.6: r3 is lost once something is in memory",
           " | r0 0+4 | r1 0+4 | r2 0+4 | stack@0 0+8 | stack@8 0+4", v_, i_, i_, i_, l_, i_);
    expect("nothing", "", v_, 0, NULL);
    say("core registers");
}

static void test_structs(void) {
    EXPECT("a word returns in r0", "r0 0+3 | r0 0+3", array(c_, 3), array(c_, 3));
    EXPECT("A.4: more in memory", "&r0 | r1 0+4, r2 4+1 | r3 0+4", array(c_, 5), array(c_, 5), i_);
    EXPECT("C.5: split", " | r0 0+4 | r1 0+4, r2 4+4, r3 8+4, stack@0 12+8 | stack@8 0+4", v_, i_,
           array(i_, 5), i_);
    EXPECT("C.5: not when something is in memory",
           " | r0 0+4 | s0 0+4, s1 4+4, s2 8+4, s3 12+4 | r1 0+4, r2 4+4 | r3 0+4", v_, i_,
           array(f_, 4), array(i_, 2), i_);
    EXPECT("B.4: whole words", " | r0 0+4, r1 4+4, r2 8+4, r3 12+4, stack@0 16+1 | stack@4 0+4", v_,
           array(c_, 17), i_);
    EXPECT("empty", " |  | r0 0+4 | ", empty(), empty(), i_, empty());
    EXPECT("float and int", "&r0 | r1 0+4, r2 4+4", STRUCT(f_, i_), STRUCT(f_, i_));
    if (_Alignof(double) == 8)
        EXPECT("C.3: of double words", " | r0 0+4 | r2 0+4, r3 4+4, stack@0 8+8", v_, i_,
               STRUCT(l_, i_));
    EXPECT("packed", " | r0 0+4 | r1 0+4, r2 4+4, r3 8+1", v_, i_, PACKED(l_, c_));
    say("structs in core registers");
}

static void test_candidates(void) {
    EXPECT("scalars", "s0 0+4 | s0 0+4 | d1 0+8 | s1 0+4", f_, f_, d_, f_);
    EXPECT("halves", "s0 0+2 | s0 0+2 | s1 0+2", h_, h_, h_);
    EXPECT("doubles", "d0 0+8 | d0 0+8 | r0 0+4", d_, d_, i_);
    EXPECT("complex", "s0 0+4, s1 4+4 | s0 0+4, s1 4+4 | d1 0+8, d2 8+8", cf_, cf_, cd_);
    EXPECT("homogeneous", "d0 0+8, d1 8+8 | s0 0+4, s1 4+4, s2 8+4 | d2 0+8", STRUCT(d_, d_),
           STRUCT(f_, STRUCT(f_, f_)), STRUCT(d_));
    EXPECT("four of them", "d0 0+8, d1 8+8, d2 16+8, d3 24+8 | s0 0+4, s1 4+4, s2 8+4, s3 12+4",
           array(d_, 4), STRUCT(cf_, array(f_, 2)));
    EXPECT("five are none", "&r0 | r1 0+4, r2 4+4, r3 8+4, stack@0 12+8", array(f_, 5),
           array(f_, 5));
    EXPECT("of unions", "s0 0+4, s1 4+4 | s0 0+4, s1 4+4", UNION(f_, STRUCT(f_, f_)),
           UNION(cf_, f_, array(f_, 2)));
    EXPECT("not of two types", "&r0 | r1 0+4", UNION(d_, f_), UNION(f_, i_));
    EXPECT("nor of halves", "&r0 | r1 0+4, r2 4+4, r3 8+2", array(h_, 5), array(h_, 5));
    EXPECT("nor halves beside others", "r0 0+4 | r0 0+4", STRUCT(h_, c_), STRUCT(h_, c_));
    REFUSE(PYTRAMP_E_TYPE, v_, STRUCT(h_));
    REFUSE(PYTRAMP_E_TYPE, array(h_, 4), i_);
    REFUSE(PYTRAMP_E_TYPE, v_, i_, UNION(h_, array(h_, 3)));
    EXPECT("nothing beside it", "s0 0+4 | s0 0+4", STRUCT(empty(), f_), STRUCT(f_, empty()));
    say("candidates for VFP registers");
}

static void test_back_filling(void) {
    EXPECT("C.1.vfp: the lowest that are free",
           " | s0 0+4 | d1 0+8 | s1 0+4 | d2 0+8, d3 8+8 | s8 0+4 | d5 0+8 | s9 0+4", v_, f_, d_,
           f_, cd_, f_, d_, f_);
    EXPECT("... a gap too small is left", " | s0 0+4 | d1 0+8 | s4 0+4, s5 4+4 | s1 0+4", v_, f_,
           d_, cf_, f_);
    EXPECT(
        "C.2.vfp: none after the first in memory",
        " | d0 0+8, d1 8+8, d2 16+8, d3 24+8 | d4 0+8, d5 8+8, d6 16+8 | stack@0 0+16 | stack@16 "
        "0+8 | r0 0+4",
        v_, array(d_, 4), array(d_, 3), cd_, d_, i_);
    EXPECT("C.2.vfp, C.5: then nothing is split",
           " | d0 0+8, d1 8+8, d2 16+8, d3 24+8 | d4 0+8, d5 8+8, d6 16+8, d7 24+8 | stack@0 0+4 | "
           "r0 0+4 | stack@4 0+16 | stack@20 0+4",
           v_, array(d_, 4), array(d_, 4), f_, i_, array(i_, 4), i_);
    say("back-filling");
}

static void expect_variadic(const char *expected, const pytramp_type *result, size_t n,
                            const pytramp_type *const *args) {
    const pytramp_signature *signature;
    char got[400];
    CHECK_OK(pytramp_signature_new_variadic(&signature, abi, result, n, args));
    size_t at = (size_t)sprintf(got, "%s", places_text(signature, PYTRAMP_RESULT));
    for (size_t i = 0; i < n; i++)
        at += (size_t)sprintf(got + at, " | %s", places_text(signature, i));
    CHECK(!strcmp(got, expected), "expected %s, got %s", expected, got);
    cases++;
}

static void test_variadic(void) {
    expect_variadic("r0 0+4, r1 4+4 | r0 0+4 | r2 0+4, r3 4+4", d_, TYPES(i_, d_));
    expect_variadic("r0 0+4 | r0 0+4 | r1 0+2", f_, TYPES(f_, h_));
    expect_variadic("&r0 | r1 0+4, r2 4+4, r3 8+4", STRUCT(f_, f_), TYPES(array(f_, 3)));
    expect_variadic("&r0 | r1 0+4, r2 4+4", cf_, TYPES(cf_));
    expect_variadic("r0 0+4 | r0 0+4", STRUCT(f_), TYPES(STRUCT(f_)));
    say("variadic: by the base standard");
}

static void test_alignment(void) {
    const pytramp_member word = {i_, 1, 0}, two = {l_, 2, 0};
    const pytramp_type *raised, *explained;
    CHECK_OK(pytramp_type_layout(&raised, 16, 16, 1, &word));
    CHECK_OK(pytramp_type_layout(&explained, 16, 16, 1, &two));
    REFUSE(PYTRAMP_E_TYPE, i_, raised);
    EXPECT("a result of any alignment", "&r0 | r1 0+4", raised, i_);
    if (_Alignof(double) == 8)
        EXPECT("explained", " | r0 0+4 | r2 0+4, r3 4+4, stack@0 8+8", v_, i_, explained);
    const pytramp_member four = {l_, 4, 0};
    CHECK_OK(pytramp_type_layout(&raised, 32, 32, 1, &four));
    REFUSE(PYTRAMP_E_TYPE, i_, raised);
    EXPECT("B.5: a member's", " | r0 0+4 | r2 0+4, r3 4+4 | stack@0 0+16", v_, i_,
           laid_out(8, 8, 8, 1, &word), laid_out(16, 16, 16, 1, &word));
    EXPECT("B.5: the whole's", " | r0 0+4 | r1 0+4, r2 4+4 | r3 0+4, stack@0 4+12", v_, i_,
           laid_out(8, 8, 4, 1, &word), laid_out(16, 16, 4, 1, &word));
    say("alignment: refused where nobody knows whose it is");
}

static void test_refused(void) {
    const pytramp_type *giant = array(c_, (size_t)3 << 28), *args[] = {giant, giant, giant};
    REFUSE(PYTRAMP_E_TYPE, i_, v_);
    refuse(abi, v_, 3, args, PYTRAMP_E_TOO_LARGE);
    CHECK_OK(pytramp_signature_new(&(const pytramp_signature *){NULL}, abi, v_, 2, args));
    EXPECT("a long double is a double", "d0 0+8 | d0 0+8 | r0 0+4", ld_, ld_, i_);
#ifdef __SIZEOF_INT128__
    REFUSE(PYTRAMP_E_TYPE, &pytramp_type_int128, i_);
#endif
    check_intricate(f_);
    say("refused: what 32-bit Arm does not have");
}

/* Which machine calls them. */
static void test_host(void) {
    const pytramp_signature *signature = make(v_, 0, NULL);
#ifdef __arm__
    CHECK(pt_port.abis[0] == signature->abi, "aapcs32 is this machine's own");
#else
    for (const struct pt_abi *const *each = pt_port.abis; *each; each++)
        CHECK(*each != signature->abi, "aapcs32 is not this machine's");
#endif
}

int main(void) {
    abi = PYTRAMP_ABI_AAPCS32;
    test_core();
    test_structs();
    test_candidates();
    test_back_filling();
    test_variadic();
    test_alignment();
    test_refused();
    test_host();
    say("%d signatures explained", cases);
    return 0;
}
