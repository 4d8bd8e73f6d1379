/* Where i386's cdecl, stdcall, fastcall and thiscall put values: the psABI's section 2.2.3, and
 * what gcc, clang and Microsoft's documents say in common of the others. */
#include "check.h"

#include "places.h"
#include "port.h"

static void test_scalars(void) {
    EXPECT("words", "eax 0+4 | stack@0 0+4 | stack@4 0+1 | stack@8 0+2 | stack@12 0+1", i_, i_, c_,
           &pytramp_type_short, &pytramp_type_bool);
    EXPECT("two words", "eax 0+4, edx 4+4 | stack@0 0+4 | stack@4 0+8 | stack@12 0+4", l_, i_, l_,
           i_);
    EXPECT("float", "st0 0+4 | stack@0 0+4", f_, f_);
    EXPECT("double", "st0 0+8 | stack@0 0+4 | stack@4 0+8 | stack@12 0+4", d_, i_, d_, f_);
    EXPECT("_Float16", "xmm0 0+2 | stack@0 0+2 | stack@4 0+2", h_, h_, h_);
    EXPECT("complex float", "eax 0+4, edx 4+4 | stack@0 0+8 | stack@8 0+4", cf_, cf_, i_);
    expect("a narrow result", "eax 0+1", &pytramp_type_bool, 0, NULL);
    expect("nothing", "", v_, 0, NULL);
    if (sizeof(long double) == 12) {
        EXPECT("long double", "st0 0+12 | stack@0 0+4 | stack@4 0+12 | stack@16 0+4", ld_, i_, ld_,
               i_);
        EXPECT("complex long double", "&stack@0 | stack@4 0+24", cld_, cld_);
    }
    say("scalars");
}

static void test_structs(void) {
    const pytramp_type *one = STRUCT(i_), *three = array(c_, 3), *five = array(c_, 5);
    EXPECT("by the address on the stack, however small", "&stack@0 | stack@4 0+4 | stack@8 0+4",
           one, one, i_);
    EXPECT("rounded up to words", "&stack@0 | stack@4 0+5 | stack@12 0+3 | stack@16 0+1", three,
           five, three, c_);
    EXPECT("of floats", "&stack@0 | stack@4 0+4 | stack@8 0+16", STRUCT(f_), STRUCT(f_),
           STRUCT(d_, d_));
    EXPECT("complex double", "&stack@0 | stack@4 0+16 | stack@20 0+4", cd_, cd_, i_);
    EXPECT("nothing returned has an address", "&stack@0 |  | stack@4 0+4 | ", empty(), empty(), i_,
           empty());
    say("structs");
}

static void test_alignment(void) {
    const pytramp_member member = {i_, 1, 0};
    const pytramp_type *aligned;
    CHECK_OK(pytramp_type_layout(&aligned, 16, 16, 1, &member));
    EXPECT("never above a word", "&stack@0 | stack@4 0+4 | stack@8 0+16 | stack@24 0+4", aligned,
           i_, aligned, i_);
    CHECK_OK(pytramp_type_layout(&aligned, 32, 32, 1, &member));
    expect("a result of any alignment", "&stack@0", aligned, 0, NULL);
    REFUSE(PYTRAMP_E_TYPE, i_, aligned);
    say("alignment");
}

static void test_stdcall(void) {
    abi = PYTRAMP_ABI_STDCALL_X86;
    EXPECT("stdcall", "eax 0+4 | stack@0 0+4 | stack@4 0+8 | stack@12 0+2", i_, i_, d_,
           &pytramp_type_short);
    EXPECT("by address", "&stack@0 | stack@4 0+4 | stack@8 0+8", STRUCT(i_), i_, l_);
    CHECK(make(i_, 1, &l_)->stack_size == 8, "what the callee takes off the stack");
    CHECK(make(STRUCT(i_), 1, &l_)->stack_size == 12, "... with the result's address");
    say("stdcall");
}

static void test_fastcall(void) {
    abi = PYTRAMP_ABI_FASTCALL_X86;
    EXPECT("two words", "eax 0+4 | ecx 0+4 | edx 0+1 | stack@0 0+4", i_, i_, c_, i_);
    EXPECT("floats leave the registers to words",
           "st0 0+8 | stack@0 0+4 | ecx 0+4 | stack@4 0+8 | edx 0+2 | stack@12 0+4", d_, f_, i_, d_,
           &pytramp_type_short, i_);
    EXPECT("a long long uses them up", "eax 0+4 | stack@0 0+8 | stack@8 0+4", i_, l_, i_);
    EXPECT("... also the last", "eax 0+4 | ecx 0+4 | stack@0 0+8 | stack@8 0+4", i_, i_, l_, i_);
    EXPECT("an address is the first word", "&ecx | edx 0+4 | stack@0 0+4", STRUCT(i_), i_, i_);
    EXPECT("structs", "eax 0+4 | ecx 0+4 | edx 0+4 | stack@0 0+4 | stack@4 0+4", i_, i_, i_,
           STRUCT(i_), i_);
    EXPECT("structs alone", "eax 0+4 | stack@0 0+4 | stack@4 0+8", i_, STRUCT(i_), STRUCT(d_));
    EXPECT("nothing", "eax 0+4 |  | ecx 0+4", i_, empty(), i_);
    CHECK(make(i_, 1, &i_)->stack_size == 0, "registers are not taken off the stack");
    REFUSE(PYTRAMP_E_TYPE, i_, STRUCT(i_), i_);
    REFUSE(PYTRAMP_E_TYPE, i_, i_, cf_, i_);
    EXPECT("a struct may use up what a long long does",
           "eax 0+4 | ecx 0+4 | stack@0 0+4 | stack@4 0+8 | stack@12 0+4", i_, i_, STRUCT(f_), l_,
           i_);
    say("fastcall");
}

static void test_thiscall(void) {
    abi = PYTRAMP_ABI_THISCALL_X86;
    EXPECT("one word", "eax 0+4 | ecx 0+4 | stack@0 0+4 | stack@4 0+8", i_, i_, i_, d_);
    EXPECT("structs behind it", "st0 0+4 | ecx 0+4 | stack@0 0+4 | stack@4 0+4", f_, i_, STRUCT(i_),
           i_);
    expect("nothing", "eax 0+4", i_, 0, NULL);
    REFUSE(PYTRAMP_E_TYPE, STRUCT(i_), i_);
    REFUSE(PYTRAMP_E_TYPE, cd_, i_);
    REFUSE(PYTRAMP_E_TYPE, i_, d_, i_);
    REFUSE(PYTRAMP_E_TYPE, i_, STRUCT(i_));
    say("thiscall");
}

static void test_variadic(void) {
    const pytramp_abi as_cdecl[] = {PYTRAMP_ABI_CDECL_X86, PYTRAMP_ABI_STDCALL_X86},
                      refused[] = {PYTRAMP_ABI_FASTCALL_X86, PYTRAMP_ABI_THISCALL_X86};
    const pytramp_signature *signature;
    for (size_t i = 0; i < 2; i++) {
        CHECK_OK(pytramp_signature_new_variadic(&signature, as_cdecl[i], i_, 1, &i_));
        CHECK(!strcmp(places_text(signature, 0), "stack@0 0+4"), "%s", places_text(signature, 0));
        CHECK_STATUS(pytramp_signature_new_variadic(&signature, refused[i], i_, 1, &i_),
                     PYTRAMP_E_TYPE);
    }
    say("variadic: cdecl and stdcall");
}

static void test_refused(void) {
    abi = PYTRAMP_ABI_CDECL_X86;
    const pytramp_type *giant = array(c_, (size_t)3 << 28), *args[] = {giant, giant, giant};
    expect("two of them fit", " | stack@0 0+805306368 | stack@805306368 0+805306368", v_, 2, args);
    refuse(abi, v_, 3, args, PYTRAMP_E_TOO_LARGE);
    REFUSE(PYTRAMP_E_TYPE, i_, v_);
#ifdef __SIZEOF_INT128__
    REFUSE(PYTRAMP_E_TYPE, i_, &pytramp_type_int128);
    REFUSE(PYTRAMP_E_TYPE, &pytramp_type_uint128, i_);
#endif
    check_intricate(c_);
    say("refused: void, __int128, what an argument area cannot hold");
}

/* Which machine calls them. */
static void test_host(void) {
    const pytramp_signature *signature = make(v_, 0, NULL);
    int here = 0;
    for (const struct pt_abi *const *each = pt_port.abis; *each; each++)
        here += *each == signature->abi;
#ifdef __i386__
    CHECK(here && pt_port.abis[0] == signature->abi, "cdecl is i386's own");
#else
    CHECK(!here, "cdecl_x86 is not this machine's");
#endif
}

int main(void) {
    abi = PYTRAMP_ABI_CDECL_X86;
    test_scalars();
    test_structs();
    test_alignment();
    test_stdcall();
    test_fastcall();
    test_thiscall();
    test_variadic();
    test_refused();
    test_host();
    say("%d signatures explained", cases);
    return 0;
}
