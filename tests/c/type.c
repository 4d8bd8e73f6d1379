/* Layouts against the compiler's own, interning, and what is refused. */
#include "check.h"

#include <complex.h>
#include <stddef.h>
#include <uchar.h>
#include <wchar.h>

#include "layout_union.h"
#include "type.h"

/* ---- Against the compiler ---- */

static const pytramp_type *compose(size_t n, const pytramp_member *members, size_t pack,
                                   int is_union) {
    const pytramp_type *type, *again;
    CHECK_OK((is_union ? pytramp_type_union : pytramp_type_struct)(&type, n, members, pack));
    CHECK_OK((is_union ? pytramp_type_union : pytramp_type_struct)(&again, n, members, pack));
    CHECK(type == again, "the same layout twice");
    return type;
}

static void check_layout(const char *text, const pytramp_type *type, size_t size, size_t alignment,
                         size_t n, const size_t *offsets) {
    CHECK(pytramp_type_size(type) == size, "%s: size %zu, not %zu", text, type->size, size);
    CHECK(pytramp_type_alignment(type) == alignment, "%s: alignment %zu, not %zu", text,
          type->alignment, alignment);
    CHECK(type->nmembers == n, "%s: %zu members", text, type->nmembers);
    for (size_t i = 0; i < n; i++)
        CHECK(type->members[i].offset == offsets[i], "%s: member %zu at %zu, not %zu", text, i,
              type->members[i].offset, offsets[i]);
}

/* The same aggregate given by its numbers is the same type. */
static void check_given(const pytramp_type *type) {
    const pytramp_type *given;
    pytramp_member members[8];
    CHECK(type->nmembers <= COUNT(members), "%zu members", type->nmembers);
    for (size_t i = 0; i < type->nmembers; i++)
        members[i] = pt_type_member(type, i);
    CHECK_OK((type->is_union ? layout_union : pytramp_type_layout)(
        &given, type->size, type->alignment, type->nmembers, members));
    CHECK(given == type, "size %zu, alignment %zu", type->size, type->alignment);
}

static int layouts;

#define TYPE(symbol, n) {&pytramp_type_##symbol, n, 0}
#define OF(type, n)     {type, n, 0}
#define UNPACK(...)     __VA_ARGS__

/* LAYOUT(declaration of the type, its name, pack, is_union, (members), (offsets)) */
#define LAYOUT(name, pack, is_union, members, offsets)                                             \
    do {                                                                                           \
        const pytramp_member given[] = {UNPACK members};                                           \
        const size_t expected[] = {UNPACK offsets};                                                \
        const pytramp_type *type = compose(COUNT(given), given, pack, is_union);                   \
        check_layout(#name, type, sizeof(name), _Alignof(name), COUNT(given), expected);           \
        check_given(type);                                                                         \
        layouts++;                                                                                 \
    } while (0)

#define AT(name, member) offsetof(name, member)

typedef struct {
    char a;
} one;
typedef struct {
    char a;
    int b;
} hole;
typedef struct {
    int a;
    char b;
} tail;
typedef struct {
    char a;
    short b;
    char c;
    long d;
    char e;
} mixed;
typedef struct {
    char a;
    long double b;
    char c;
} wide;
typedef struct {
    float a[3];
    double b;
    short c[5];
} arrays;
typedef struct {
    char a;
    hole b;
    tail c[2];
    wide d;
} nested;
typedef struct {
    char a;
    double _Complex b;
    float _Complex c;
    long double _Complex d;
} complexes;
typedef struct {
    _Bool a;
    wchar_t b;
    char16_t c;
    char32_t d;
    void *e;
} others;
#ifdef __SIZEOF_INT128__
typedef struct {
    char a;
    __int128 b;
    char c;
    unsigned __int128 d;
} int128s;
#endif
typedef struct __attribute__((packed)) {
    char a;
    int b;
    long double c;
    short d;
} packed;
#pragma pack(push, 2)
typedef struct {
    char a;
    int b;
    char c;
    double d;
} pack2;
#pragma pack(pop)
#pragma pack(push, 4)
typedef struct {
    char a;
    double b;
    hole c;
    char d;
} pack4;
typedef union {
    char a;
    double b;
    char c[13];
} union4;
#pragma pack(pop)
typedef union {
    char a;
    int b[3];
    double c;
} either;
typedef union {
    long double a;
    char b[17];
} wide_either;
typedef struct {
    char a;
    either b;
    char c;
} with_union;
typedef struct {
    char a[100000];
    long b;
} large;

static const pytramp_type *hole_type(void) {
    const pytramp_member members[] = {TYPE(char, 1), TYPE(int, 1)};
    return compose(2, members, 0, 0);
}

static const pytramp_type *tail_type(void) {
    const pytramp_member members[] = {TYPE(int, 1), TYPE(char, 1)};
    return compose(2, members, 0, 0);
}

static const pytramp_type *wide_type(void) {
    const pytramp_member members[] = {TYPE(char, 1), TYPE(longdouble, 1), TYPE(char, 1)};
    return compose(3, members, 0, 0);
}

static const pytramp_type *either_type(void) {
    const pytramp_member members[] = {TYPE(char, 1), TYPE(int, 3), TYPE(double, 1)};
    return compose(3, members, 0, 1);
}

static void test_structs(void) {
    LAYOUT(one, 0, 0, (TYPE(char, 1)), (0));
    LAYOUT(hole, 0, 0, (TYPE(char, 1), TYPE(int, 1)), (0, AT(hole, b)));
    LAYOUT(tail, 0, 0, (TYPE(int, 1), TYPE(char, 1)), (0, AT(tail, b)));
    LAYOUT(mixed, 0, 0,
           (TYPE(char, 1), TYPE(short, 1), TYPE(char, 1), TYPE(long, 1), TYPE(char, 1)),
           (0, AT(mixed, b), AT(mixed, c), AT(mixed, d), AT(mixed, e)));
    LAYOUT(wide, 0, 0, (TYPE(char, 1), TYPE(longdouble, 1), TYPE(char, 1)),
           (0, AT(wide, b), AT(wide, c)));
    LAYOUT(arrays, 0, 0, (TYPE(float, 3), TYPE(double, 1), TYPE(short, 5)),
           (0, AT(arrays, b), AT(arrays, c)));
    LAYOUT(nested, 0, 0,
           (TYPE(char, 1), OF(hole_type(), 1), OF(tail_type(), 2), OF(wide_type(), 1)),
           (0, AT(nested, b), AT(nested, c), AT(nested, d)));
    LAYOUT(complexes, 0, 0,
           (TYPE(char, 1), TYPE(complex_double, 1), TYPE(complex_float, 1),
            TYPE(complex_longdouble, 1)),
           (0, AT(complexes, b), AT(complexes, c), AT(complexes, d)));
    LAYOUT(others, 0, 0,
           (TYPE(bool, 1), TYPE(wchar, 1), TYPE(char16, 1), TYPE(char32, 1), TYPE(pointer, 1)),
           (0, AT(others, b), AT(others, c), AT(others, d), AT(others, e)));
#ifdef __SIZEOF_INT128__
    LAYOUT(int128s, 0, 0, (TYPE(char, 1), TYPE(int128, 1), TYPE(char, 1), TYPE(uint128, 1)),
           (0, AT(int128s, b), AT(int128s, c), AT(int128s, d)));
#endif
    LAYOUT(large, 0, 0, (TYPE(char, 100000), TYPE(long, 1)), (0, AT(large, b)));
    LAYOUT(with_union, 0, 0, (TYPE(char, 1), OF(either_type(), 1), TYPE(char, 1)),
           (0, AT(with_union, b), AT(with_union, c)));
}

static void test_packs_and_unions(void) {
    LAYOUT(packed, 1, 0, (TYPE(char, 1), TYPE(int, 1), TYPE(longdouble, 1), TYPE(short, 1)),
           (0, AT(packed, b), AT(packed, c), AT(packed, d)));
    LAYOUT(pack2, 2, 0, (TYPE(char, 1), TYPE(int, 1), TYPE(char, 1), TYPE(double, 1)),
           (0, AT(pack2, b), AT(pack2, c), AT(pack2, d)));
    LAYOUT(pack4, 4, 0, (TYPE(char, 1), TYPE(double, 1), OF(hole_type(), 1), TYPE(char, 1)),
           (0, AT(pack4, b), AT(pack4, c), AT(pack4, d)));
    LAYOUT(mixed, 64, 0,
           (TYPE(char, 1), TYPE(short, 1), TYPE(char, 1), TYPE(long, 1), TYPE(char, 1)),
           (0, AT(mixed, b), AT(mixed, c), AT(mixed, d), AT(mixed, e)));
    LAYOUT(either, 0, 1, (TYPE(char, 1), TYPE(int, 3), TYPE(double, 1)), (0, 0, 0));
    LAYOUT(wide_either, 0, 1, (TYPE(longdouble, 1), TYPE(char, 17)), (0, 0));
    LAYOUT(union4, 4, 1, (TYPE(char, 1), TYPE(double, 1), TYPE(char, 13)), (0, 0, 0));
    say("layouts: %d as the compiler has them", layouts);
}

/* GNU C's empty struct, alone and as a member. */
static void test_empty(void) {
    typedef struct {
    } empty;
    typedef struct {
        char a;
        empty b[7];
        int c;
    } with_empty;
    const pytramp_type *type, *also;
    CHECK_OK(pytramp_type_struct(&type, 0, NULL, 0));
    CHECK(type->size == sizeof(empty) && type->alignment == _Alignof(empty), "%zu", type->size);
    CHECK_OK(pytramp_type_union(&also, 0, NULL, 0));
    CHECK(also == type, "an empty union is an empty struct");
    LAYOUT(with_empty, 0, 0, (TYPE(char, 1), OF(type, 7), TYPE(int, 1)),
           (0, AT(with_empty, b), AT(with_empty, c)));
    CHECK_OK(layout_union(&also, 0, 1, 0, NULL));
    CHECK(also == type, "... however it is made");
    say("empty structs: size 0");
}

/* ---- Structs and unions of the same members, bit-fields ---- */

static void test_unions(void) {
    const pytramp_member one[] = {TYPE(double, 1)};
    const pytramp_type *as_struct = compose(1, one, 0, 0), *as_union = compose(1, one, 0, 1);
    CHECK(as_struct != as_union, "a union of one member is no struct");
    check_given(as_struct);
    check_given(as_union);
    say("unions: not the structs of the same members");
    const pytramp_member array[] = {TYPE(int, PYTRAMP_ARRAY_OF_ONE)}, plain[] = {TYPE(int, 1)};
    const pytramp_type *single = compose(1, plain, 0, 0), *of_one = compose(1, array, 0, 0);
    CHECK(single != of_one && single->size == of_one->size, "int [1] is no int");
    CHECK(of_one->is_array[0] && of_one->members[0].count == 1 && !single->is_array[0], "int [1]");
    check_given(of_one);
    say("arrays: of one element, too");
}

static void test_bits(void) {
    for (size_t n = 1; n <= 16; n++) {
        const pytramp_type *bits = pytramp_type_bits(n), *type;
        const pytramp_member members[] = {OF(bits, 1), {bits, 1, 1}};
        CHECK(bits == pytramp_type_bits(n) && bits->size == n && bits->alignment == 1, "%zu", n);
        CHECK_OK(pytramp_type_layout(&type, n + 1, 1, 2, members));
        check_given(type);
        const pytramp_signature *signature;
        CHECK_STATUS(
            pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, &pytramp_type_void, 1, &bits),
            PYTRAMP_E_TYPE);
        CHECK_STATUS(pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, bits, 0, NULL),
                     PYTRAMP_E_TYPE);
    }
    CHECK(!pytramp_type_bits(0) && !pytramp_type_bits(17) && !pytramp_type_bits(SIZE_MAX), "range");
    CHECK(!pytramp_type_named(pytramp_type_spelling(pytramp_type_bits(1))), "no scalar's name");
    say("bit-fields: integers of 1 to 16 bytes at any offset");
}

/* ---- Scalars ---- */

#define SCALAR(symbol, ctype, name)                                                                \
    CHECK(pytramp_type_##symbol.size == sizeof(ctype), name);                                      \
    CHECK(pytramp_type_##symbol.alignment == _Alignof(ctype), name);                               \
    CHECK(pytramp_type_named(name) == &pytramp_type_##symbol, name);                               \
    CHECK(pytramp_type_named(pytramp_type_spelling(&pytramp_type_##symbol)) ==                     \
              &pytramp_type_##symbol,                                                              \
          name)

static void test_scalars(void) {
    SCALAR(bool, _Bool, "_Bool");
    SCALAR(char, char, "char");
    SCALAR(schar, signed char, "signed char");
    SCALAR(uchar, unsigned char, "unsigned char");
    SCALAR(short, short, "short");
    SCALAR(ushort, unsigned short, "unsigned short");
    SCALAR(int, int, "int");
    SCALAR(uint, unsigned, "unsigned int");
    SCALAR(long, long, "long");
    SCALAR(ulong, unsigned long, "unsigned long");
    SCALAR(longlong, long long, "long long");
    SCALAR(ulonglong, unsigned long long, "unsigned long long");
#ifdef __SIZEOF_INT128__
    SCALAR(int128, __int128, "__int128");
    SCALAR(uint128, unsigned __int128, "unsigned __int128");
#else
    CHECK(!pytramp_type_named("__int128"), "there is no __int128 here");
#endif
    SCALAR(wchar, wchar_t, "wchar_t");
    SCALAR(char16, char16_t, "char16_t");
    SCALAR(char32, char32_t, "char32_t");
    SCALAR(float, float, "float");
    SCALAR(double, double, "double");
    SCALAR(longdouble, long double, "long double");
    SCALAR(complex_float, float _Complex, "_Complex float");
    SCALAR(complex_double, double _Complex, "_Complex double");
    SCALAR(complex_double, double _Complex, "double _Complex");
    SCALAR(complex_longdouble, long double _Complex, "_Complex long double");
    SCALAR(pointer, void *, "void *");
    CHECK(pytramp_type_named("void") == &pytramp_type_void, "void");
    CHECK(!pytramp_type_size(&pytramp_type_void), "void has no size");
    static const char *const unknown[] = {
        "",         "Int",          "int ",           "unsigned",      "_Complex ",
        "_Complex", "_Complex int", "_Complex doubl", "_Complex long", "double _Complex ",
        "aggregate"};
    for (size_t i = 0; i < COUNT(unknown); i++)
        CHECK(!pytramp_type_named(unknown[i]), "'%s' names a type", unknown[i]);
    CHECK(!pytramp_type_named(NULL), "NULL names a type");
    CHECK(!pytramp_type_size(NULL) && !pytramp_type_alignment(NULL), "NULL has a size");
    CHECK(!*pytramp_type_spelling(NULL), "NULL has a spelling");
    say("scalars: sizes, alignments, names");
}

/* ---- Interning ---- */

static void test_interning(void) {
    const pytramp_member ab[] = {TYPE(int, 1), TYPE(char, 1)};
    const pytramp_member ba[] = {TYPE(char, 1), TYPE(int, 1)};
    const pytramp_member aa[] = {TYPE(int, 2)};
    const pytramp_member twice[] = {TYPE(int, 1), TYPE(int, 1)};
    const pytramp_member same_size[] = {TYPE(int, 1), TYPE(schar, 1)};
    const pytramp_type *all[] = {compose(2, ab, 0, 0),    compose(2, ba, 0, 0),
                                 compose(1, aa, 0, 0),    compose(2, twice, 0, 0),
                                 compose(2, ab, 1, 0),    compose(2, ab, 0, 1),
                                 compose(2, twice, 0, 1), compose(2, same_size, 0, 0)};
    for (size_t i = 0; i < COUNT(all); i++) {
        for (size_t k = 0; k < i; k++)
            CHECK(all[i] != all[k], "layouts %zu and %zu are one type", i, k);
    }
    CHECK(compose(2, ab, 0, 0) == compose(2, ab, 4, 0), "a pack that changes nothing");
    static const pytramp_type *many[3000];
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT(many); i++) {
            const pytramp_member member[] = {TYPE(short, i + 1)};
            const pytramp_type *type = compose(1, member, 0, 0);
            CHECK(!round || many[i] == type, "layout %zu was interned twice", i);
            many[i] = type;
        }
    }
    say("interning: equal layouts are one pointer, others are not");
}

/* ---- Refused ---- */

#define UNTOUCHED ((const pytramp_type *)(uintptr_t)0xabcd)

static void refuse(size_t n, const pytramp_member *members, size_t pack, pytramp_status status) {
    const pytramp_type *type = UNTOUCHED;
    CHECK_STATUS(pytramp_type_struct(&type, n, members, pack), status);
    CHECK_STATUS(pytramp_type_union(&type, n, members, pack), status);
    CHECK(type == UNTOUCHED, "an out parameter was touched");
}

static void refuse_layout(size_t size, size_t alignment, size_t n, const pytramp_member *members,
                          pytramp_status status) {
    const pytramp_type *type = UNTOUCHED;
    CHECK_STATUS(pytramp_type_layout(&type, size, alignment, n, members), status);
    CHECK_STATUS(layout_union(&type, size, alignment, n, members), status);
    CHECK(type == UNTOUCHED, "an out parameter was touched");
}

static void test_refused(void) {
    const pytramp_member plain[] = {TYPE(int, 1)}, nothing[] = {TYPE(void, 1)},
                         none[] = {TYPE(int, 0)}, null[] = {OF(NULL, 1)};
    const pytramp_type *type;
    refuse(1, nothing, 0, PYTRAMP_E_TYPE);
    refuse(1, none, 0, PYTRAMP_E_TYPE);
    refuse(1, null, 0, PYTRAMP_E_NULL);
    refuse(1, NULL, 0, PYTRAMP_E_NULL);
    refuse(1, plain, 3, PYTRAMP_E_TYPE);
    refuse(1, plain, 6, PYTRAMP_E_TYPE);
    refuse(1, plain, SIZE_MAX, PYTRAMP_E_TYPE);
    CHECK_STATUS(pytramp_type_struct(NULL, 1, plain, 0), PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_type_union(NULL, 1, plain, 0), PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_type_layout(NULL, 4, 4, 1, plain), PYTRAMP_E_NULL);
    CHECK_STATUS(layout_union(NULL, 4, 4, 1, plain), PYTRAMP_E_NULL);
    refuse_layout(4, 3, 1, plain, PYTRAMP_E_TYPE);
    refuse_layout(4, 0, 1, plain, PYTRAMP_E_TYPE);
    refuse_layout(6, 4, 1, plain, PYTRAMP_E_TYPE);
    refuse_layout(4, 4, 1, nothing, PYTRAMP_E_TYPE);
    refuse_layout(4, 4, 1, none, PYTRAMP_E_TYPE);
    refuse_layout(4, 4, 1, null, PYTRAMP_E_NULL);
    refuse_layout(4, 4, 1, NULL, PYTRAMP_E_NULL);
    refuse_layout(0, 1, 1, plain, PYTRAMP_E_TYPE);
    const pytramp_member beyond[] = {{&pytramp_type_int, 1, 5}},
                         far[] = {{&pytramp_type_int, 1, SIZE_MAX}};
    refuse_layout(8, 4, 1, beyond, PYTRAMP_E_TYPE);
    refuse_layout(8, 4, 1, far, PYTRAMP_E_TYPE);
    const pytramp_member fits[] = {{&pytramp_type_int, 1, 3}},
                         overlap[] = {TYPE(int, 1), TYPE(float, 1)};
    CHECK_OK(pytramp_type_layout(&type, 8, 4, 1, fits));
    CHECK_OK(pytramp_type_layout(&type, 4, 4, 2, overlap));
    say("refused: void, no elements, NULL, packs, members beyond the end");
}

/* ---- Attributes: two types of one layout ---- */

static const pytramp_type *laid_out(size_t alignment, size_t natural, const pytramp_type *of) {
    const pytramp_member member[] = {{of, 1, 0}};
    const pytramp_type *type;
    pytramp_layout layout = {sizeof layout, 16, alignment, natural, 0, 1, member};
    CHECK_OK(pytramp_type_layout_ex(&type, &layout));
    CHECK(type->size == 16 && type->alignment == alignment, "%zu", type->alignment);
    return type;
}

static void test_natural(void) {
    const pytramp_type *i = &pytramp_type_int, *of_member = laid_out(16, 16, i),
                       *of_whole = laid_out(16, 4, i), *unknown = laid_out(16, 0, i),
                       *plain = laid_out(4, 0, i), *packed = laid_out(2, 0, i);
    CHECK(of_member->natural == 16 && of_whole->natural == 4 && !unknown->natural, "attributes");
    CHECK(of_member != of_whole && of_whole != unknown && of_member != unknown, "one type");
    CHECK(plain->natural == 4 && plain == laid_out(4, 4, i), "no attribute");
    CHECK(packed->natural == 2 && packed == laid_out(2, 2, i), "packed");
    CHECK(laid_out(16, 0, laid_out(16, 4, i))->natural == 16, "a member's type has the attribute");
    static const size_t wrong[] = {3, 32, SIZE_MAX};
    for (size_t k = 0; k < COUNT(wrong); k++) {
        const pytramp_member member[] = {TYPE(int, 1)};
        const pytramp_type *type = UNTOUCHED;
        pytramp_layout layout = {sizeof layout, 16, 16, wrong[k], 0, 1, member};
        CHECK_STATUS(pytramp_type_layout_ex(&type, &layout), PYTRAMP_E_TYPE);
        layout.struct_size--;
        CHECK_STATUS(pytramp_type_layout_ex(&type, &layout), PYTRAMP_E_INVALID);
        CHECK(type == UNTOUCHED, "an out parameter was touched");
    }
    const pytramp_layout known = {.struct_size = sizeof known, .alignment = 1};
    CHECK_STATUS(pytramp_type_layout_ex(NULL, &known), PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_type_layout_ex(&(const pytramp_type *){NULL}, NULL), PYTRAMP_E_NULL);
    say("attributes: of a member, of the whole, or nobody knows");
}

/* ---- Members as they come ---- */

static const pytramp_type *explicit(size_t n, const pytramp_member *members) {
    const pytramp_type *type;
    CHECK_OK(pytramp_type_layout(&type, 64, 8, n, members));
    return type;
}

/* In any order they are one type; and a union, where they share bytes. */
static void test_order(void) {
    const pytramp_type *b = pytramp_type_bits(2);
    const pytramp_member ascending[] = {{&pytramp_type_char, PYTRAMP_ARRAY_OF_ONE, 0},
                                        {&pytramp_type_int, 2, 8},
                                        {b, 1, 16},
                                        {b, 1, 17},
                                        {&pytramp_type_double, 1, 24}};
    pytramp_member other[5];
    for (size_t i = 0; i < 5; i++)
        other[i * 2 % 5] = ascending[i];
    const pytramp_type *type = explicit(5, ascending);
    CHECK(type == explicit(5, other), "two types of one layout");
    for (size_t i = 0; i < 5; i++)
        CHECK(type->is_array[i] == (i < 2), "member %zu", i);
    CHECK(!type->is_union, "bit-fields may share bytes");
    const pytramp_member shared[][2] = {{{&pytramp_type_int, 1, 3}, {&pytramp_type_char, 1, 0}},
                                        {{&pytramp_type_int, 1, 3}, {&pytramp_type_char, 3, 0}},
                                        {{&pytramp_type_int, 1, 3}, {&pytramp_type_char, 4, 0}},
                                        {{&pytramp_type_int, 1, 3}, {&pytramp_type_char, 1, 6}},
                                        {{&pytramp_type_int, 1, 3}, {b, 1, 2}},
                                        {{&pytramp_type_int, 1, 3}, {b, 1, 6}}};
    for (size_t i = 0; i < COUNT(shared); i++)
        CHECK(explicit(2, shared[i])->is_union == (i > 1), "case %zu", i);
    say("explicit layouts: in any order, and those that overlap");
}

/* ---- Sizes ---- */

/* Either refused, or a size that a pointer difference can hold. */
static void check_huge(size_t n, const pytramp_member *members) {
    for (size_t pack = 0; pack < 2; pack++) {
        for (int is_union = 0; is_union < 2; is_union++) {
            const pytramp_type *type = UNTOUCHED;
            pytramp_status status =
                (is_union ? pytramp_type_union : pytramp_type_struct)(&type, n, members, pack);
            CHECK(!status || status == PYTRAMP_E_TOO_LARGE, "%d", (int)status);
            CHECK(status ? type == UNTOUCHED : type->size <= PTRDIFF_MAX, "size %zx", type->size);
            if (!status) check_given(type);
            for (size_t i = 0; !status && i < n; i++)
                CHECK(type->members[i].type->size * type->members[i].count <= type->size,
                      "a member is larger than the whole, %zx", type->size);
        }
    }
}

static void test_sizes(void) {
    static const size_t counts[] = {
        PTRDIFF_MAX / 2,         PTRDIFF_MAX / 2 - 4, SIZE_MAX / 8 + 1, SIZE_MAX / 4 + 1,
        PTRDIFF_MAX / 8,         PTRDIFF_MAX - 4096,  PTRDIFF_MAX - 1,  PTRDIFF_MAX,
        (size_t)PTRDIFF_MAX + 1, SIZE_MAX - 1,        SIZE_MAX};
    for (size_t i = 0; i < COUNT(counts); i++) {
        for (size_t k = 0; k < COUNT(counts); k++) {
            const pytramp_member two[] = {TYPE(char, counts[i]), TYPE(char, counts[k])};
            const pytramp_member more[] = {TYPE(int, 1), TYPE(char, counts[i]), TYPE(long, 1),
                                           TYPE(char, counts[k])};
            const pytramp_member longs[] = {TYPE(long, counts[i]), TYPE(longdouble, counts[k])};
            check_huge(2, two), check_huge(4, more), check_huge(2, longs);
        }
    }
    const pytramp_member huge[] = {TYPE(long, SIZE_MAX)};
    refuse(1, huge, 0, PYTRAMP_E_TOO_LARGE);
    refuse(SIZE_MAX, huge, 0, PYTRAMP_E_TOO_LARGE);
    refuse_layout(SIZE_MAX, 1, 0, NULL, PYTRAMP_E_TOO_LARGE);
    refuse_layout(SIZE_MAX / 2 + 1, 1, 0, NULL, PYTRAMP_E_TOO_LARGE);
    const pytramp_member empties[] = {OF(NULL, SIZE_MAX), TYPE(char, 1)};
    pytramp_member copy[2];
    memcpy(copy, empties, sizeof copy);
    const pytramp_type *empty, *type;
    CHECK_OK(pytramp_type_struct(&empty, 0, NULL, 0));
    copy[0].type = empty;
    CHECK_OK(pytramp_type_struct(&type, 2, copy, 0));
    CHECK(type->size == 1, "any number of empty structs is nothing, not %zu", type->size);
    say("sizes: no sum or product wraps");
}

int main(void) {
    test_structs();
    test_packs_and_unions();
    test_empty();
    test_unions();
    test_bits();
    test_scalars();
    test_interning();
    test_refused();
    test_natural();
    test_order();
    test_sizes();
    return 0;
}
