/* Where s390x puts values, as the "ELF Application Binary Interface s390x Supplement" says. */
#include "check.h"

#include <stddef.h>

#include "places.h"

static void test_scalars(void) {
    EXPECT("integers", "r2 0+4 | r2 0+1 | r3 0+4 | r4 0+8 | r5 0+8", i_, c_, i_, l_, p_);
    EXPECT("numbers", "f0 0+8 | f0 0+4 | f2 0+8", d_, f_, d_);
    EXPECT("both", "f0 0+4 | r2 0+4 | f0 0+8 | r3 0+4 | f2 0+4", f_, i_, d_, i_, f_);
    EXPECT("complex numbers of any size", "&r2 | &r3 | &r4", cf_, cf_, cd_);
#ifdef __SIZEOF_INT128__
    EXPECT("__int128", "&r2 | &r3", &pytramp_type_int128, &pytramp_type_int128);
#endif
    if (sizeof(long double) == 16) EXPECT("long double", "&r2 | &r3 | r4 0+4", ld_, ld_, i_);
    expect("nothing", "", v_, 0, NULL);
    say("scalars");
}

/* Section 1.2.3: 1, 2, 4 and 8 bytes as an integer of that size. Results never. */
static void test_structs(void) {
    EXPECT("of 1, 2, 4, 8 bytes", " | r2 0+1 | r3 0+2 | r4 0+4 | r5 0+8", v_, array(c_, 1),
           array(c_, 2), STRUCT(i_), STRUCT(i_, i_));
    EXPECT("of other sizes", " | &r2 | &r3 | &r4 | &r5", v_, array(c_, 3), array(c_, 7),
           array(i_, 3), array(c_, 3001));
    EXPECT("results", "&r2 | r3 0+8", array(c_, 1), STRUCT(l_));
    EXPECT("a float as result", "&r2 | f0 0+4", STRUCT(f_), STRUCT(f_));
    EXPECT("complex in a struct", " | r2 0+8 | &r3", v_, STRUCT(cf_), STRUCT(cd_));
    EXPECT("empty", "&r2 | &r3 | r4 0+4", empty(), empty(), i_);
    say("structs");
}

/* "a struct with just one member" of type float or double. */
static void test_single_members(void) {
    const pytramp_type *padded, *late;
    const pytramp_member first = {f_, 1, 0}, second = {f_, 1, 4};
    CHECK_OK(pytramp_type_layout(&padded, 8, 8, 1, &first));
    CHECK_OK(pytramp_type_layout(&late, 8, 4, 1, &second));
    EXPECT("float, double", " | f0 0+4 | f2 0+8", v_, STRUCT(f_), STRUCT(d_));
    EXPECT("nested", " | f0 0+4 | f2 0+8", v_, STRUCT(STRUCT(STRUCT(f_))), STRUCT(STRUCT(d_)));
    EXPECT("with padding behind", " | f0 0+8", v_, padded);
    EXPECT("with padding before", " | r2 0+8", v_, late);
    EXPECT("packed", " | f0 0+8", v_, PACKED(d_));
    EXPECT("arrays", " | r2 0+4 | r3 0+8 | r4 0+8", v_, array(f_, PYTRAMP_ARRAY_OF_ONE),
           array(d_, PYTRAMP_ARRAY_OF_ONE), array(f_, 2));
    EXPECT("unions", " | r2 0+4 | r3 0+8 | r4 0+8", v_, UNION(f_), UNION(d_), STRUCT(UNION(d_)));
    EXPECT("two members", " | r2 0+8 | r3 0+4", v_, STRUCT(f_, f_), STRUCT(f_, empty()));
    say("structs of one float or double");
}

static void test_registers_run_out(void) {
    EXPECT("integers: the right end of a slot",
           " | r2 0+4 | r3 0+4 | r4 0+4 | r5 0+4 | r6 0+4 | stack@4 0+4 | stack@8 0+8 | stack@23 "
           "0+1 | f0 0+8",
           v_, i_, i_, i_, i_, i_, i_, l_, c_, d_);
    EXPECT("numbers: the right end, too",
           " | f0 0+8 | f2 0+8 | f4 0+8 | f6 0+8 | stack@4 0+4 | stack@8 0+8 | r2 0+4", v_, d_, d_,
           d_, d_, f_, d_, i_);
    EXPECT("structs and addresses",
           "&r2 | &r3 | &r4 | &r5 | &r6 | &stack@0 | stack@14 0+2 | stack@16 0+8", cd_, cd_, cd_,
           cd_, cd_, cd_, array(c_, 2), STRUCT(i_, i_));
    say("registers that run out");
}

static void test_refused(void) {
    const pytramp_type *half = h_, *one = STRUCT(half), *two = STRUCT(half, half);
    REFUSE(PYTRAMP_E_TYPE, v_, i_, half);
    REFUSE(PYTRAMP_E_TYPE, half, i_);
    REFUSE(PYTRAMP_E_TYPE, v_, STRUCT(one));
    REFUSE(PYTRAMP_E_TYPE, i_, v_);
    EXPECT("halves in an integer", "&r2 | r3 0+4 | r4 0+2", one, two, UNION(half));
    say("refused: what the document does not know");
}

int main(void) {
    abi = PYTRAMP_ABI_S390X;
    test_scalars();
    test_structs();
    test_single_members();
    test_registers_run_out();
    test_refused();
    check_intricate(c_);
    check_intricate(f_);
    say("%d signatures explained", cases);
    return 0;
}
