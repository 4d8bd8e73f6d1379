/* Where System V's x86-64 puts values, as its document says; interning; what is refused.
 *
 * The random programs of tests/abi compare whole calls with the compiler; here stand the cases that
 * the document names, spelled out. */
#include "check.h"

#include "places.h"
#include "port.h"

/* ---- The document's cases ---- */

static void test_scalars(void) {
    EXPECT("integers", "rax 0+4 | rdi 0+4 | rsi 0+8 | rdx 0+1 | rcx 0+2", i_, i_, l_, c_,
           &pytramp_type_short);
    EXPECT("floats", "xmm0 0+8 | xmm0 0+4 | xmm1 0+8", d_, f_, d_);
    EXPECT("complex float", "xmm0 0+8 | xmm0 0+8", cf_, cf_);
    EXPECT("complex double", "xmm0 0+8, xmm1 8+8 | xmm0 0+8, xmm1 8+8", cd_, cd_);
    EXPECT("bool", "rax 0+1 | rdi 0+1", &pytramp_type_bool, &pytramp_type_bool);
    expect("nothing", "", v_, 0, NULL);
    say("scalars");
}

static void test_structs(void) {
    EXPECT("split", "rax 0+8, xmm0 8+8 | rdi 0+8, xmm0 8+8", STRUCT(l_, d_), STRUCT(l_, d_));
    EXPECT("split the other way", "xmm0 0+8, rax 8+8 | xmm0 0+8, rdi 8+8", STRUCT(d_, l_),
           STRUCT(d_, l_));
    EXPECT("two floats", "xmm0 0+8 | xmm0 0+8", STRUCT(f_, f_), STRUCT(f_, f_));
    EXPECT("three floats", "xmm0 0+8, xmm1 8+4 | xmm0 0+8, xmm1 8+4", STRUCT(f_, f_, f_),
           array(f_, 3));
    EXPECT("four floats", "xmm0 0+8, xmm1 8+8 | xmm0 0+8, xmm1 8+8", array(f_, 4),
           STRUCT(STRUCT(f_, f_), STRUCT(f_, f_)));
    EXPECT("float and int share an eightbyte", "rax 0+8 | rdi 0+8", STRUCT(f_, i_), STRUCT(i_, f_));
    EXPECT("three chars", "rax 0+3 | rdi 0+3", array(c_, 3), array(c_, 3));
    EXPECT("sixteen chars", "rax 0+8, rdx 8+8 | rdi 0+8, rsi 8+8", array(c_, 16), array(c_, 16));
    EXPECT("seventeen chars", "&rdi | stack@0 0+17 | rsi 0+4 | stack@24 0+17", array(c_, 17),
           array(c_, 17), i_, array(c_, 17));
    EXPECT("nine chars", "rax 0+8, rdx 8+1 | rdi 0+8, rsi 8+1", array(c_, 9), array(c_, 9));
    EXPECT("complex in a struct", "xmm0 0+8, xmm1 8+8 | xmm0 0+8", STRUCT(cd_), STRUCT(cf_));
    EXPECT("empty", " |  | rdi 0+4 | ", empty(), empty(), i_, empty());
    EXPECT("an empty member", "rax 0+4 | rdi 0+4", STRUCT(empty(), i_), STRUCT(i_, empty()));
    say("structs");
}

static void test_unaligned(void) {
    EXPECT("packed and unaligned", "&rdi | stack@0 0+5", PACKED(c_, i_), PACKED(c_, i_));
    EXPECT("packed, yet aligned", "rax 0+5 | rdi 0+5", PACKED(i_, c_), PACKED(i_, c_));
    EXPECT("unaligned within", "&rdi | stack@0 0+6", PACKED(c_, STRUCT(i_), c_),
           PACKED(c_, STRUCT(i_), c_));
    say("unaligned members: memory");
}

static void test_unions(void) {
    EXPECT("long and double", "rax 0+8 | rdi 0+8", UNION(l_, d_), UNION(d_, l_));
    EXPECT("float and double", "xmm0 0+8 | xmm0 0+8", UNION(f_, d_), UNION(f_, d_));
    EXPECT("halves", "xmm0 0+8, rax 8+8 | xmm0 0+8, rdi 8+8", UNION(STRUCT(d_, d_), STRUCT(d_, l_)),
           UNION(STRUCT(d_, d_), STRUCT(d_, l_)));
    say("unions");
}

static void test_registers_run_out(void) {
    const pytramp_type *two = STRUCT(l_, l_), *big = array(l_, 3);
    EXPECT(
        "a pair that does not fit leaves r9 to the next",
        " | rdi 0+4 | rsi 0+4 | rdx 0+4 | rcx 0+4 | r8 0+4 | stack@0 0+16 | r9 0+4 | stack@16 0+4",
        v_, i_, i_, i_, i_, i_, two, i_, i_);
    EXPECT("nine doubles",
           " | xmm0 0+8 | xmm1 0+8 | xmm2 0+8 | xmm3 0+8 | xmm4 0+8 | xmm5 0+8 | xmm6 0+8 | xmm7 "
           "0+8 | "
           "stack@0 0+8 | rdi 0+4",
           v_, d_, d_, d_, d_, d_, d_, d_, d_, d_, i_);
    EXPECT("a split struct that lacks its vector half goes to memory whole",
           " | xmm0 0+8 | xmm1 0+8 | xmm2 0+8 | xmm3 0+8 | xmm4 0+8 | xmm5 0+8 | xmm6 0+8 | xmm7 "
           "0+8 | "
           "stack@0 0+16 | rdi 0+4",
           v_, d_, d_, d_, d_, d_, d_, d_, d_, STRUCT(l_, d_), i_);
    EXPECT("a hidden pointer takes rdi",
           "&rdi | rsi 0+4 | rdx 0+4 | rcx 0+4 | r8 0+4 | r9 0+4 | stack@0 0+4", big, i_, i_, i_,
           i_, i_, i_);
    EXPECT("memory takes no register", " | stack@0 0+24 | rdi 0+4 | stack@24 0+24 | rsi 0+4", v_,
           big, i_, big, i_);
    say("registers that run out");
}

/* ---- Types that not every machine has ---- */

/* Figure 3.5: func(int e, int f, structparm s, int g, int h, long double ld, double m, __m256 y,
 * double n, int i, int j, int k), without the __m256. */
static void test_figure(void) {
    const pytramp_type *s = STRUCT(i_, i_, d_);
    EXPECT(
        "figure 3.5",
        " | rdi 0+4 | rsi 0+4 | rdx 0+8, xmm0 8+8 | rcx 0+4 | r8 0+4 | stack@0 0+16 | xmm1 0+8 | "
        "xmm2 0+8 | r9 0+4 | stack@16 0+4 | stack@24 0+4",
        v_, i_, i_, s, i_, i_, ld_, d_, d_, i_, i_, i_);
    say("the example of the document");
}

static void test_x87(void) {
    EXPECT("x87", "st0 0+16 | stack@0 0+16 | rdi 0+4 | stack@16 0+16", ld_, ld_, i_, ld_);
    EXPECT("complex x87", "st0 0+16, st1 16+16 | stack@0 0+32", cld_, cld_);
    EXPECT("x87 in a struct", "st0 0+16 | stack@0 0+16", STRUCT(ld_), STRUCT(ld_));
    EXPECT("x87 and more", "&rdi | stack@0 0+32", STRUCT(ld_, i_), STRUCT(ld_, i_));
    EXPECT("x87 and long", "&rdi | stack@0 0+16", UNION(ld_, l_), UNION(ld_, l_));
    EXPECT("x87 and a float", "&rdi | stack@0 0+16", UNION(ld_, f_), UNION(ld_, f_));
    EXPECT("x87 and a struct of INTEGER", "rax 0+8, rdx 8+8 | rdi 0+8, rsi 8+8",
           UNION(ld_, STRUCT(f_, i_, l_)), UNION(STRUCT(f_, i_, l_), ld_));
    EXPECT("x87 and an array of such", "rax 0+8, rdx 8+8 | rdi 0+8, rsi 8+8",
           UNION(ld_, array(STRUCT(f_, i_), 2)), UNION(ld_, UNION(f_, i_, array(l_, 2))));
    EXPECT("x87 in a union that goes to memory", "&rdi | stack@0 0+16",
           UNION(UNION(ld_, l_), array(l_, 2)), UNION(array(l_, 2), UNION(l_, ld_)));
    EXPECT("two x87", "st0 0+16 | stack@0 0+16", UNION(ld_, ld_), UNION(ld_, ld_));
    say("long double");
}

#ifdef __SIZEOF_INT128__
static void test_int128(void) {
    const pytramp_type *i128_ = &pytramp_type_int128;
    EXPECT("__int128", "rax 0+8, rdx 8+8 | rdi 0+4 | rsi 0+8, rdx 8+8", i128_, i_, i128_);
    EXPECT("__int128 in a struct", "rax 0+8, rdx 8+8 | rdi 0+8, rsi 8+8", STRUCT(i128_),
           STRUCT(i128_));
    EXPECT(
        "__int128 that does not fit is aligned",
        " | rdi 0+4 | rsi 0+4 | rdx 0+4 | rcx 0+4 | r8 0+4 | r9 0+4 | stack@0 0+4 | stack@16 0+16 "
        "| stack@32 0+4",
        v_, i_, i_, i_, i_, i_, i_, i_, i128_, i_);
    say("__int128");
}
#endif

/* ---- Interning ---- */

static void test_interning(void) {
    const pytramp_type *id[] = {i_, d_}, *di[] = {d_, i_}, *copy[2];
    memcpy(copy, id, sizeof copy);
    const pytramp_signature *host, *all[] = {make(i_, 2, id), make(d_, 2, id),   make(i_, 2, di),
                                             make(i_, 1, id), make(i_, 0, NULL), make(v_, 0, NULL)};
    CHECK(make(i_, 2, copy) == all[0], "the arguments of another array");
    for (size_t i = 0; i < COUNT(all); i++) {
        for (size_t k = 0; k < i; k++)
            CHECK(all[i] != all[k], "signatures %zu and %zu are one", i, k);
    }
    CHECK_OK(pytramp_signature_new(&host, PYTRAMP_ABI_DEFAULT, i_, 2, id));
    CHECK(host->abi == pt_port.abis[0], "the default is this machine's own");
    CHECK((host == all[0]) == (host->abi->code == abi), "... and a signature has one convention");
    static const pytramp_signature *many[5000];
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT(many); i++) {
            const pytramp_type *bits[13];
            for (size_t k = 0; k < 13; k++)
                bits[k] = i >> k & 1 ? i_ : l_;
            const pytramp_signature *signature = make(v_, 13, bits);
            CHECK(!round || many[i] == signature, "signature %zu was interned twice", i);
            many[i] = signature;
        }
    }
    say("interning: equal signatures are one pointer, others are not");
}

/* ---- Refused ---- */

static void test_refused(void) {
    const pytramp_type *ok[] = {i_, i_}, *with_void[] = {i_, v_}, *with_null[] = {i_, NULL};
    refuse(PYTRAMP_ABI_DEFAULT, i_, 2, with_void, PYTRAMP_E_TYPE);
    refuse(PYTRAMP_ABI_DEFAULT, i_, 2, with_null, PYTRAMP_E_NULL);
    refuse(PYTRAMP_ABI_DEFAULT, i_, 2, NULL, PYTRAMP_E_NULL);
    refuse(PYTRAMP_ABI_DEFAULT, NULL, 2, ok, PYTRAMP_E_NULL);
    refuse((pytramp_abi)4711, i_, 2, ok, PYTRAMP_E_ABI);
    refuse((pytramp_abi)-1, i_, 2, ok, PYTRAMP_E_ABI);
    CHECK_STATUS(pytramp_signature_new(NULL, PYTRAMP_ABI_DEFAULT, i_, 2, ok), PYTRAMP_E_NULL);
    const pytramp_type *raised, *args[1];
    const pytramp_member member[] = {{i_, 1, 0}};
    CHECK_OK(pytramp_type_layout(&raised, 32, 32, 1, member));
    args[0] = raised;
    refuse(abi, v_, 1, args, PYTRAMP_E_TYPE);
    expect("a result of any alignment", "&rdi", raised, 0, NULL);
    say("refused: void, NULL, unknown conventions, alignments above 16");
}

static void test_too_large(void) {
    const pytramp_type *giant = array(c_, (size_t)3 << 28), *args[] = {giant, giant, giant};
    expect("two of them fit", " | stack@0 0+805306368 | stack@805306368 0+805306368", v_, 2, args);
    refuse(abi, v_, 3, args, PYTRAMP_E_TOO_LARGE);
#if SIZE_MAX > UINT32_MAX
    const pytramp_type *more = array(c_, (size_t)1 << 40);
    refuse(abi, v_, 1, &more, PYTRAMP_E_TOO_LARGE);
#endif
    say("too large: what an argument area cannot hold");
}

static void test_intricate(void) {
    const pytramp_type *fair[] = {with_empties(), doubled(c_, 10), nested(c_, 100)};
    check_intricate(c_);
    expect("intricate, but not too much", "rax 0+1 | rdi 0+1 | rsi 0+1 | rdx 0+1", fair[0], 3,
           fair);
}

/* ---- Explaining, naming, many ---- */

static void test_explain(void) {
    const pytramp_type *args[] = {i_};
    const pytramp_signature *signature = make(i_, 1, args);
    pytramp_place places[PYTRAMP_MAX_PLACES];
    size_t n;
    int by_reference;
    CHECK_STATUS(pytramp_signature_explain(signature, 1, places, &n, &by_reference),
                 PYTRAMP_E_INVALID);
    CHECK_STATUS(
        pytramp_signature_explain(signature, PYTRAMP_RESULT - 1, places, &n, &by_reference),
        PYTRAMP_E_INVALID);
    CHECK_STATUS(pytramp_signature_explain(NULL, 0, places, &n, &by_reference), PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_signature_explain(signature, 0, NULL, &n, &by_reference), PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_signature_explain(signature, 0, places, NULL, &by_reference),
                 PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_signature_explain(signature, 0, places, &n, NULL), PYTRAMP_E_NULL);
    pytramp_abi named = (pytramp_abi)99;
    CHECK_STATUS(pytramp_abi_named(&named, "Default"), PYTRAMP_E_ABI);
    CHECK_STATUS(pytramp_abi_named(&named, ""), PYTRAMP_E_ABI);
    CHECK_STATUS(pytramp_abi_named(&named, NULL), PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_abi_named(NULL, "default"), PYTRAMP_E_NULL);
    CHECK(named == (pytramp_abi)99, "an out parameter was touched");
    CHECK_OK(pytramp_abi_named(&named, "default"));
    CHECK(named == PYTRAMP_ABI_DEFAULT, "%d", (int)named);
    CHECK_OK(pytramp_abi_named(&named, "sysv_x86_64"));
    CHECK(named == PYTRAMP_ABI_SYSV_X86_64, "%d", (int)named);
    say("explain and abi_named: ranges and NULLs");
}

static void test_many_arguments(void) {
    static const pytramp_type *args[MOST];
    for (size_t i = 0; i < MOST; i++)
        args[i] = i % 2 ? d_ : l_;
    const pytramp_signature *signature = make(v_, MOST, args);
    CHECK(!strcmp(places_text(signature, 10), "r9 0+8"), "%s", places_text(signature, 10));
    CHECK(!strcmp(places_text(signature, 12), "stack@0 0+8"), "%s", places_text(signature, 12));
    CHECK(!strcmp(places_text(signature, 15), "xmm7 0+8"), "%s", places_text(signature, 15));
    size_t in_registers = 14;
    char last[40];
    snprintf(last, sizeof last, "stack@%zu 0+8", 8 * (MOST - 1 - in_registers));
    CHECK(!strcmp(places_text(signature, MOST - 1), last), "%s", places_text(signature, MOST - 1));
    CHECK(signature->stack_size == 8 * (MOST - in_registers), "%u", signature->stack_size);
    char *text = malloc(1 << 20);
    size_t length = pt_signature_text(signature, text, 1 << 20);
    CHECK(length == strlen(text), "%zu", length);
    CHECK(!strncmp(text, "void (long long, double, ", 25), "%.60s", text);
    CHECK(pt_signature_text(signature, NULL, 0) == length, "the length alone");
    for (size_t size = 1; size < 30; size++) {
        char small[32];
        memset(small, '#', sizeof small);
        CHECK(pt_signature_text(signature, small, size) == length, "size %zu", size);
        CHECK(!strncmp(small, text, size - 1) && !small[size - 1] && small[size] == '#',
              "size %zu: '%.31s'", size, small);
    }
    free(text);
    say("%d arguments", MOST);
}

int main(void) {
    abi = PYTRAMP_ABI_SYSV_X86_64;
    test_scalars();
    test_structs();
    test_unaligned();
    test_unions();
    test_registers_run_out();
    if (sizeof(long double) == 16) { /* as there */
        test_figure();
        test_x87();
    }
#ifdef __SIZEOF_INT128__
    test_int128();
#endif
    test_interning();
    test_refused();
    test_too_large();
    test_intricate();
    test_explain();
    test_many_arguments();
    say("%d signatures explained", cases);
    return 0;
}
