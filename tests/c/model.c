/* Types as other machines have them, against what their ABIs and compilers say. */
#include "model.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

/* As in csrc/abi: longs, pointers, wchars, long doubles and their alignment, __int128's alignment
 * (0 for none), that of eight bytes in a struct. */
static const struct pt_model lp64 = {8, 8, 4, 16, 16, 16, 8};
static const struct pt_model i386 = {4, 4, 4, 12, 4, 0, 4};
static const struct pt_model windows = {4, 8, 2, 8, 8, 16, 8};
static const struct pt_model s390x = {8, 8, 4, 16, 8, 8, 8};

static const pytramp_type *make(int is_union, size_t pack, size_t n,
                                const pytramp_type *const *types) {
    pytramp_member members[8];
    const pytramp_type *type;
    for (size_t i = 0; i < n; i++)
        members[i] = (pytramp_member){types[i], 1, 0};
    CHECK_OK((is_union ? pytramp_type_union : pytramp_type_struct)(&type, n, members, pack));
    return type;
}

#define MAKE(is_union, pack, ...)                                                                  \
    make(is_union, pack,                                                                           \
         sizeof((const pytramp_type *[]){__VA_ARGS__}) / sizeof(const pytramp_type *),             \
         (const pytramp_type *[]){__VA_ARGS__})
#define STRUCT(...) MAKE(0, 0, __VA_ARGS__)

static const pytramp_type *on(const struct pt_model *model, const pytramp_type *type) {
    const pytramp_type *there = NULL, *again = NULL;
    CHECK_OK(pt_model_type(model, type, &there));
    CHECK_OK(pt_model_type(model, type, &again));
    CHECK(there == again, "the same type twice is two types");
    return there;
}

static void expect(const struct pt_model *model, const pytramp_type *type, size_t size,
                   size_t alignment) {
    const pytramp_type *there = on(model, type);
    CHECK(there->size == size && there->alignment == alignment, "%s: size %zu, alignment %zu",
          type->spelling, there->size, there->alignment);
    CHECK(there->class == type->class && there->code == type->code, "another kind of type");
}

static void scalars(void) {
    expect(&i386, &pytramp_type_long, 4, 4);
    expect(&i386, &pytramp_type_pointer, 4, 4);
    expect(&i386, &pytramp_type_longlong, 8, 4);
    expect(&i386, &pytramp_type_double, 8, 4);
    expect(&i386, &pytramp_type_complex_double, 16, 4);
    expect(&i386, &pytramp_type_longdouble, 12, 4);
    expect(&i386, &pytramp_type_complex_longdouble, 24, 4);
    expect(&windows, &pytramp_type_ulong, 4, 4);
    expect(&windows, &pytramp_type_wchar, 2, 2);
    expect(&windows, &pytramp_type_longdouble, 8, 8);
    expect(&s390x, &pytramp_type_longdouble, 16, 8);
    expect(&lp64, &pytramp_type_longdouble, 16, 16);
    expect(&i386, &pytramp_type_int, 4, 4);
    expect(&i386, &pytramp_type_void, 0, 1);
}

static void members(void) {
    const pytramp_type *type = on(&i386, STRUCT(&pytramp_type_char, &pytramp_type_double));
    CHECK(type->size == 12 && type->members[1].offset == 4, "{char; double}: %zu", type->size);
    type = on(&windows, STRUCT(&pytramp_type_long, &pytramp_type_pointer, &pytramp_type_wchar));
    CHECK(type->size == 24 && type->members[1].offset == 8 && type->members[2].offset == 16,
          "{long; void *; wchar_t}: %zu", type->size);
    expect(&i386, STRUCT(STRUCT(&pytramp_type_long), &pytramp_type_short), 8, 4);
    expect(&i386, MAKE(1, 0, &pytramp_type_longdouble, &pytramp_type_char), 12, 4);
    expect(&windows, MAKE(0, 1, &pytramp_type_char, &pytramp_type_long), 5, 1);
    expect(&windows, MAKE(0, 2, &pytramp_type_char, &pytramp_type_long), 6, 2);
    const pytramp_member array = {&pytramp_type_long, 5, 0},
                         long_array = {&pytramp_type_long, 5000, 0};
    const pytramp_type *longs;
    CHECK_OK(pytramp_type_struct(&longs, 1, &array, 0));
    expect(&windows, longs, 20, 4);
    CHECK_OK(pytramp_type_struct(&longs, 1, &long_array, 0));
    expect(&windows, longs, 20000, 4);
}

static void arrays_of_one(void) {
    const pytramp_member one = {&pytramp_type_long, PYTRAMP_ARRAY_OF_ONE, 0};
    const pytramp_type *type;
    CHECK_OK(pytramp_type_struct(&type, 1, &one, 0));
    expect(&windows, type, 4, 4);
    CHECK(on(&windows, type)->is_array[0], "long [1]");
}

static void unchanged(void) {
    const pytramp_type *const types[] = {
        &pytramp_type_int, STRUCT(&pytramp_type_char, &pytramp_type_int),
        MAKE(0, 1, &pytramp_type_char, &pytramp_type_int), MAKE(1, 0, &pytramp_type_float)};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        CHECK(on(&i386, types[i]) == types[i], "%zu is another type", i);
}

/* Whatever this machine is, its own sizes change nothing. */
static void own(void) {
    const struct pt_model here = {
        sizeof(long),        sizeof(void *),        (uint8_t)pytramp_type_wchar.size,
        sizeof(long double), _Alignof(long double),
#ifdef __SIZEOF_INT128__
        _Alignof(pt_int128),
#else
                                  0,
#endif
        _Alignof(double)};
    const pytramp_type *type =
        STRUCT(&pytramp_type_char, &pytramp_type_longdouble, &pytramp_type_pointer,
               &pytramp_type_complex_double, &pytramp_type_longlong, &pytramp_type_wchar);
    CHECK(on(&here, type) == type, "a type of this machine changed");
}

static void refused(void) {
    const pytramp_type *there = &pytramp_type_void, *type;
#ifdef __SIZEOF_INT128__
    CHECK_STATUS(pt_model_type(&i386, &pytramp_type_int128, &there), PYTRAMP_E_TYPE);
    CHECK_STATUS(pt_model_type(&i386, STRUCT(&pytramp_type_int128), &there), PYTRAMP_E_TYPE);
#endif
    const pytramp_member apart[] = {{&pytramp_type_char, 1, 0}, {&pytramp_type_longdouble, 1, 48}};
    CHECK_OK(pytramp_type_layout(&type, 64, 16, 2, apart));
    const struct pt_model *other = sizeof(long double) == 8 ? &lp64 : &windows;
    CHECK_STATUS(pt_model_type(other, type, &there), PYTRAMP_E_TYPE);
    CHECK(there == &pytramp_type_void, "a failure wrote a type");
}

static void intricate(void) {
    const pytramp_type *type = &pytramp_type_long, *there;
    for (unsigned i = 0; i < 40; i++)
        type = MAKE(1, 0, type, type);
    CHECK_STATUS(pt_model_type(&i386, type, &there), PYTRAMP_E_TOO_LARGE);
    CHECK_OK(pytramp_type_struct(&type, 0, NULL, 0));
    for (unsigned i = 0; i < 40; i++)
        type = MAKE(1, 0, type, type);
    CHECK(on(&i386, type) == type, "nothing is the same everywhere");
}

int main(void) {
    scalars();
    members();
    arrays_of_one();
    unchanged();
    own();
    refused();
    intricate();
    printf("model: four models\n");
    return 0;
}
