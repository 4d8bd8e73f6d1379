/* Where RISC-V's and LoongArch's lp64d put values, as their documents say: the examples of both,
 * and a case for each of their rules. They put all of them in the same places. */
#include "check.h"

#include "places.h"

static const pytramp_type *const s_ = &pytramp_type_short;

/* A bit-field in so many bytes. */
#define BITS(bytes, offset) {pytramp_type_bits(bytes), 1, offset}

static void test_scalars(void) {
    EXPECT("integers", "a0 0+4 | a0 0+1 | a1 0+2 | a2 0+4 | a3 0+8", i_, c_, s_, i_, l_);
    EXPECT("a float takes no general register", "fa0 0+8 | a0 0+4 | fa0 0+4 | a1 0+4 | fa1 0+8", d_,
           i_, f_, i_, d_);
    EXPECT("half", "fa0 0+2 | fa0 0+2 | fa1 0+4", h_, h_, f_);
    EXPECT("complex", "fa0 0+8, fa1 8+8 | fa0 0+4, fa1 4+4 | fa2 0+8, fa3 8+8", cd_, cf_, cd_);
    EXPECT("nothing", " | ", v_, empty());
    EXPECT("quad", "a0 0+8, a1 8+8 | a0 0+4 | a1 0+8, a2 8+8", ld_, i_, ld_);
    EXPECT("complex quad", "&a0 | a1 0+4 | &a2", cld_, i_, cld_);
#ifdef __SIZEOF_INT128__
    const pytramp_type *i128_ = &pytramp_type_int128;
    EXPECT("two words need no even register", "a0 0+8, a1 8+8 | a0 0+4 | a1 0+8, a2 8+8", i128_, i_,
           i128_);
#endif
    say("scalars");
}

static void test_registers_run_out(void) {
    const pytramp_type *two = STRUCT(l_, l_);
    EXPECT("integers",
           " | a0 0+4 | a1 0+4 | a2 0+4 | a3 0+4 | a4 0+4 | a5 0+4 | a6 0+4 | a7 0+4 | stack@0 0+4 "
           "| stack@8 0+1",
           v_, i_, i_, i_, i_, i_, i_, i_, i_, i_, c_);
    EXPECT("floats go to general registers",
           " | fa0 0+8 | fa1 0+8 | fa2 0+8 | fa3 0+8 | fa4 0+8 | fa5 0+8 | fa6 0+8 | fa7 0+4 | a0 "
           "0+8 | a1 0+4 | a2 0+4",
           v_, d_, d_, d_, d_, d_, d_, d_, f_, d_, f_, i_);
    EXPECT("one general register: the low-order half there, the high-order half on the stack",
           " | a0 0+8, a1 8+8 | a2 0+8, a3 8+8 | a4 0+8, a5 8+8 | a6 0+4 | a7 0+8, stack@0 8+8 | "
           "stack@8 0+4 | fa0 0+4",
           v_, two, two, two, i_, two, i_, f_);
    EXPECT("a reference on the stack",
           "&a0 | a1 0+8, a2 8+8 | a3 0+8, a4 8+8 | a5 0+8, a6 8+8 | &a7 | &stack@0 | stack@8 0+2",
           array(l_, 3), two, two, two, array(l_, 3), array(c_, 17), s_);
    say("registers that run out");
}

static void test_stack_alignment(void) {
    const pytramp_type *two = STRUCT(l_, l_), *raised = LAYOUT(16, 16, {l_, 1, 0}, {l_, 1, 8});
    EXPECT("the greater of the type's alignment and a word",
           " | a0 0+8, a1 8+8 | a2 0+8, a3 8+8 | a4 0+8, a5 8+8 | a6 0+8, a7 8+8 | stack@0 0+1 | "
           "stack@8 0+9 | stack@32 0+16 | stack@48 0+1",
           v_, two, two, two, raised, c_, array(c_, 9), raised, c_);
    EXPECT("a half on the stack stands at its beginning",
           " | a0 0+8, a1 8+8 | a2 0+8, a3 8+8 | a4 0+8, a5 8+8 | a6 0+1 | a7 0+8, stack@0 8+8 | "
           "stack@16 0+16",
           v_, two, two, two, c_, raised, raised);
    say("alignment on the stack");
}

/* "struct { struct { float f[1]; } a[2]; } and struct { float f0; float f1; } are treated the
 * same." */
static void test_flattening(void) {
    const pytramp_type *nested = array(array(f_, 1), 2), *quad = array(array(d_, 1), 2);
    EXPECT("nested", "fa0 0+4, fa1 4+4 | fa0 0+4, fa1 4+4", nested, nested);
    EXPECT("LAPCS' example", "fa0 0+8, fa1 8+8 | fa0 0+8, fa1 8+8", quad, quad);
    EXPECT("one real", "fa0 0+4 | fa0 0+4 | fa1 0+8", STRUCT(f_), STRUCT(f_), array(d_, 1));
    EXPECT("two reals", "fa0 0+4, fa1 8+8 | fa0 0+4, fa1 8+8", STRUCT(f_, d_), STRUCT(f_, d_));
    EXPECT("three", "a0 0+8, a1 8+4 | a0 0+8, a1 8+4", array(f_, 3), STRUCT(f_, f_, f_));
    EXPECT("an integer and a real", "a0 0+4, fa0 8+8 | a0 0+4, fa0 8+8 | fa1 0+4, a1 4+2",
           STRUCT(i_, d_), STRUCT(i_, d_), STRUCT(f_, s_));
    EXPECT("two integers", "a0 0+8 | a0 0+8 | a1 0+4", STRUCT(i_, i_), STRUCT(i_, i_), STRUCT(i_));
    EXPECT("a complex number alone", "fa0 0+4, fa1 4+4 | fa0 0+4, fa1 4+4", STRUCT(cf_),
           STRUCT(cf_));
    EXPECT("... and more", "a0 0+8, a1 8+4 | a0 0+8, a1 8+4", STRUCT(cf_, f_), STRUCT(i_, cf_));
    EXPECT("a pointer is no integer", " | a0 0+8, a1 8+8", v_, STRUCT(d_, p_));
    EXPECT("a real wider than a register", " | a0 0+8, a1 8+8 | &a2", v_, STRUCT(ld_),
           STRUCT(f_, ld_));
    say("flattening");
}

static void test_not_enough_registers(void) {
    const pytramp_type *fi = STRUCT(f_, i_), *dd = STRUCT(d_, d_);
    EXPECT(
        "one floating-point register for two reals: general ones, and it is left to the next",
        " | fa0 0+8 | fa1 0+8 | fa2 0+8 | fa3 0+8 | fa4 0+8 | fa5 0+8 | fa6 0+8 | a0 0+8, a1 8+8 "
        "| fa7 0+8 | a2 0+4",
        v_, d_, d_, d_, d_, d_, d_, d_, dd, d_, f_);
    EXPECT("no general register for a real and an integer: the stack, fa0 is left",
           " | a0 0+4 | a1 0+4 | a2 0+4 | a3 0+4 | a4 0+4 | a5 0+4 | a6 0+4 | a7 0+4 | stack@0 0+8 "
           "| fa0 0+4",
           v_, i_, i_, i_, i_, i_, i_, i_, i_, fi, f_);
    EXPECT("no floating-point register for it",
           " | fa0 0+8, fa1 8+8 | fa2 0+8, fa3 8+8 | fa4 0+8, fa5 8+8 | fa6 0+8, fa7 8+8 | a0 0+8",
           v_, dd, dd, dd, dd, fi);
    say("structs without their registers");
}

/* "Attributes such as aligned or packed do not interfere with a struct's eligibility", nor with its
 * size: what is larger than two words may still be two fields. */
static void test_attributes(void) {
    const pytramp_type *apart = LAYOUT(32, 16, {f_, 1, 0}, {f_, 1, 16});
    EXPECT("packed", "a0 0+4, fa0 4+8 | a0 0+4, fa0 4+8 | a1 0+1, fa1 1+8", PACKED(i_, d_),
           PACKED(i_, d_), PACKED(c_, d_));
    EXPECT("aligned", "fa0 0+4, fa1 8+4 | fa0 0+4, fa1 8+4", LAYOUT(16, 8, {f_, 1, 0}, {f_, 1, 8}),
           LAYOUT(16, 8, {f_, 1, 0}, {f_, 1, 8}));
    EXPECT("aligned to 16", "fa0 0+4, fa1 16+4 | fa0 0+4, fa1 16+4", apart, apart);
    EXPECT("... without registers",
           " | fa0 0+8, fa1 8+8 | fa2 0+8, fa3 8+8 | fa4 0+8, fa5 8+8 | "
           "fa6 0+8, fa7 8+8 | &a0",
           v_, cd_, cd_, cd_, cd_, apart);
    EXPECT("members in another order", " | fa0 0+8, fa1 8+4", v_,
           LAYOUT(16, 8, {f_, 1, 8}, {d_, 1, 0}));
    say("attributes");
}

/* "Unions are never flattened", be it of one member: LAPCS, "Unions". */
static void test_unions(void) {
    EXPECT("of one real", "a0 0+8 | a0 0+8 | a1 0+4", UNION(d_), UNION(d_), STRUCT(UNION(f_)));
    EXPECT("of two", "a0 0+8 | a0 0+8", UNION(f_, d_), UNION(f_, d_));
    EXPECT("of a real and nothing", " | a0 0+8", v_, UNION(d_, empty()));
    EXPECT("by reference", "&a0 | &a1", UNION(array(d_, 3), c_), UNION(array(d_, 3), c_));
    EXPECT("a layout whose members overlap", " | a0 0+4 | a1 0+8", v_,
           LAYOUT(4, 4, {f_, 1, 0}, {i_, 1, 0}), LAYOUT(8, 4, {f_, 1, 4}, {f_, 1, 4}));
    say("unions: general registers");
}

/* "Fields containing empty structs or unions are ignored while flattening [...] struct { struct {}
 * e[1]; float f; } as the first argument, C will treat it like struct { float f; }." */
static void test_empty(void) {
    EXPECT("in an array", "fa0 0+4 | fa0 0+4", STRUCT(empty(), f_), STRUCT(array(empty(), 1), f_));
    EXPECT("many", " | fa0 0+4, a0 4+4", v_, STRUCT(array(empty(), SIZE_MAX), f_, empty(), i_));
    EXPECT("alone", " | ", v_, array(empty(), 3));
    say("empty structs and unions: ignored");
}

/* "One floating-point real and one integer (or bitfield)". */
static void test_bit_fields(void) {
    EXPECT("one beside a real", " | a0 0+3, fa0 4+4 | fa1 0+8, a1 8+1", v_,
           LAYOUT(8, 4, BITS(3, 0), {f_, 1, 4}), LAYOUT(16, 8, {d_, 1, 0}, BITS(1, 8)));
    EXPECT("two that share a byte", " | a0 0+8", v_,
           LAYOUT(8, 4, BITS(1, 0), BITS(1, 0), {f_, 1, 4}));
    EXPECT("wider than a word", " | a0 0+8, a1 8+5", v_, LAYOUT(13, 1, BITS(9, 0), {f_, 1, 9}));
    EXPECT("alone", " | a0 0+4", v_, LAYOUT(4, 4, BITS(1, 0)));
    say("bit-fields: integers");
}

/* Structs in structs, each twice: what unions are in places.h is not looked into here. So many that
 * half of memory holds one of a byte. */
enum { MOST_LEVELS = 8 * sizeof(size_t) - 4 };

static const pytramp_type *doubled_structs(const pytramp_type *type, int levels) {
    while (levels--)
        type = STRUCT(type, type);
    return type;
}

static void refuse_both_ways(const pytramp_type *type, pytramp_status status) {
    refuse(abi, v_, 1, &type, status);
    refuse(abi, type, 0, NULL, status);
}

static void test_refused(void) {
    const pytramp_type *padding = layout(1, 1, 0, NULL);
    REFUSE(PYTRAMP_E_TYPE, i_, i_, v_);
    refuse_both_ways(LAYOUT(32, 32, {f_, 1, 0}), PYTRAMP_E_TYPE); /* the frame aligns to 16 */
    refuse_both_ways(LAYOUT(64, 8, {f_, 1, 0}, {f_, 1, 60}), PYTRAMP_E_TYPE); /* C never does so */
    refuse_both_ways(doubled_structs(padding, MOST_LEVELS), PYTRAMP_E_TOO_LARGE);
    refuse_both_ways(nested(f_, 1000), PYTRAMP_E_TOO_LARGE);
    check_intricate(f_);
    for (int levels = 5; levels <= MOST_LEVELS; levels += 5) {
        check_at_once("structs twice in structs", doubled_structs(c_, levels));
        check_at_once("... of padding", doubled_structs(padding, levels));
    }
    const pytramp_type *fair[] = {with_empties(), nested(f_, 100)};
    expect("intricate, but not too much", "a0 0+1 | a0 0+1 | fa0 0+4", fair[0], 2, fair);
    say("refused: fields without alignment, intricate types");
}

static void test_by_reference(void) {
    EXPECT("whatever is in it, and aligned in any way", "&a0 | &a1 | &a2", array(d_, 100),
           LAYOUT(64, 32, {d_, 8, 0}), array(c_, 1000));
    say("by reference");
}

/* Results are extended from 32 bits, and RISC-V's floats to their register. */
static void test_extensions(void) {
    const struct pt_abi *own = make(i_, 0, NULL)->abi;
    CHECK(own->sign_extends_words, "unsigned words, too");
    CHECK(own->boxes_floats == (abi == PYTRAMP_ABI_RISCV), "%s", own->name);
    say("extensions");
}

static void test_all(void) {
    test_scalars();
    test_registers_run_out();
    test_stack_alignment();
    test_flattening();
    test_not_enough_registers();
    test_attributes();
    test_unions();
    test_empty();
    test_bit_fields();
    test_by_reference();
    test_refused();
    test_extensions();
}

int main(void) {
    need_natural_alignment();
    abi = PYTRAMP_ABI_RISCV;
    test_all();
    abi = PYTRAMP_ABI_LOONGARCH;
    test_all();
    say("%d signatures explained", cases);
    return 0;
}
