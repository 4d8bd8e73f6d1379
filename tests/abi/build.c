/* Types, signatures and closures through pytramp.h; nothing of it with -DABI_PEER. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef ABI_PEER
void *build(struct test *test) {
    signature = NULL;
    return (void *)test->peer;
}
void release(void *code) {
    (void)code;
}
void check_scalars(void) {}
void print_places(size_t i) {
    (void)i;
}
void explain(struct test *test, const char *abi) {
    (void)test, (void)abi;
    abort();
}
void copy_list(va_list *to, void *argument, int is_argument) {
    (void)is_argument;
    va_copy(*to, *(va_list *)argument);
}
void abi_take(va_list *list, struct shape *shape, void *to) {
    (void)list, (void)shape, (void)to;
    abort();
}
#else
#  include "port.h"

void print_places(size_t i) {
    pytramp_place places[PYTRAMP_MAX_PLACES];
    size_t n = 0;
    int by_reference = 0;
    pytramp_status s = pytramp_signature_explain(signature, i, places, &n, &by_reference);
    printf("  places (%s)%s:", pytramp_status_text(s), by_reference ? ", by reference" : "");
    for (size_t k = 0; s == PYTRAMP_OK && k < n; k++) {
        printf(" [%zu..%zu) %s", places[k].offset, places[k].offset + places[k].size,
               places[k].name);
        if (!strcmp(places[k].name, "stack")) printf("+%zu", places[k].stack);
    }
    printf("\n");
}

static void need(pytramp_status status, const char *what) {
    char reason[160];
    if (status == PYTRAMP_OK) return;
    snprintf(reason, sizeof reason, "%s: %s", what, pytramp_status_text(status));
    complain(reason);
    exit(1);
}

static void check_size(const struct shape *shape) {
    size_t size = pytramp_type_size(shape->type), alignment = pytramp_type_alignment(shape->type);
    if ((size == shape->size && alignment == shape->alignment) || !complain("another layout"))
        return;
    printf("  %s: sizeof %zu, pytramp %zu; _Alignof %zu, pytramp %zu\n", shape->text, shape->size,
           size, shape->alignment, alignment);
}

static size_t add_bit_fields(const struct shape *shape, pytramp_member *members) {
    size_t n = 0;
    for (size_t i = 0; i < shape->nfields; i++) {
        unsigned char bits[ABI_MAX_BITS];
        size_t first = 0, end = shape->size;
        if (!shape->fields[i].named && !ABI_UNNAMED_BITS_COUNT) continue;
        find_field(shape, i, bits);
        while (!bits[first])
            first++;
        while (!bits[end - 1])
            end--;
        members[n++] = (pytramp_member){pytramp_type_bits(end - first), 1, first};
    }
    return n;
}

static pytramp_status lay_out(const struct shape *shape, const pytramp_type **type, size_t n,
                              const pytramp_member *members) {
    pytramp_layout layout = {.struct_size = sizeof layout,
                             .size = shape->size,
                             .alignment = shape->alignment,
                             .natural = shape->natural,
                             .is_union = shape->kind == UNION,
                             .nmembers = n,
                             .members = members};
    return pytramp_type_layout_ex(type, &layout);
}

static size_t count_of(const struct member *member) {
    return member->is_array && member->count == 1 ? PYTRAMP_ARRAY_OF_ONE : member->count;
}

/* Builds the type both ways and keeps the one the shape asks for. Equal layouts are one pointer, so
 * pytramp's offsets are the compiler's exactly when both are the same. */
static const pytramp_type *build_type(struct shape *shape) {
    if (shape->type) return shape->type;
    pytramp_member members[64] = {{NULL, 0, 0}};
    const pytramp_type *laid_out = NULL, *declared = NULL;
    for (size_t m = 0; m < shape->nmembers; m++) {
        members[m].type = build_type(shape->members[m].shape);
        members[m].count = count_of(&shape->members[m]);
        members[m].offset = shape->members[m].offset;
    }
    size_t n = shape->nmembers;
    n += add_bit_fields(shape, members + n);
    need(lay_out(shape, &laid_out, n, members), "pytramp_type_layout_ex");
    shape->type = laid_out;
    check_size(shape);
    if (shape->only_layout) return laid_out;
    for (size_t m = 0; m < shape->nmembers; m++)
        members[m].offset = (size_t)-1; /* not to be read */
    if (shape->kind == UNION)
        need(pytramp_type_union(&declared, shape->nmembers, members, shape->pack),
             "pytramp_type_union");
    else
        need(pytramp_type_struct(&declared, shape->nmembers, members, shape->pack),
             "pytramp_type_struct");
    shape->type = declared;
    check_size(shape);
    if (declared != laid_out && complain("offsets differ: a layout is not the declared type"))
        printf("  %s\n", shape->text);
    return shape->type = shape->layout ? laid_out : declared;
}

void check_scalars(void) {
    static struct test none = {.text = "(the scalar types)"};
    struct shape *const shapes[] = {
#  define LIST(name, ctype, symbol, kind, leaves) &shape_##name,
        ABI_SCALARS(LIST)};
    current = &none;
    failed = 0;
    variant = "no";
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const char *spelling = pytramp_type_spelling(shapes[i]->type);
        check_size(shapes[i]);
        if (!spelling || pytramp_type_named(spelling) != shapes[i]->type)
            complain("a scalar's spelling does not name it");
        if (strncmp(shapes[i]->text, "enum", 4) &&
            pytramp_type_named(shapes[i]->text) != shapes[i]->type && complain("not named in C"))
            printf("  %s\n", shapes[i]->text);
    }
}

struct range {
    const char *name;
    size_t from, to;
};

/* Adds the places of value i; they may overlap neither each other nor an earlier value's. */
static size_t check_places(size_t i, const struct shape *shape, const unsigned char *mask,
                           struct range *ranges, size_t nranges) {
    pytramp_place places[PYTRAMP_MAX_PLACES];
    size_t n = 0, reached = 0, size = shape->size, seen = nranges;
    int by_reference = 0;
    need(pytramp_signature_explain(signature, i, places, &n, &by_reference), "explain");
    if (by_reference) size = sizeof(void *);
    for (size_t k = 0; k < n; k++) {
        const pytramp_place *place = &places[k];
        int on_stack = !strcmp(place->name, "stack");
        struct range range = {place->name, on_stack ? place->stack : 0,
                              on_stack ? place->stack + place->size : 1};
        if (place->offset < reached || place->offset + place->size > size)
            complain("places overlap or reach beyond the value");
        for (size_t b = reached; !by_reference && b < place->offset; b++)
            if (mask[b]) complain("places leave out a byte");
        reached = place->offset + place->size;
        for (size_t r = 0; r < seen; r++)
            if (!strcmp(ranges[r].name, range.name) && range.from < ranges[r].to &&
                ranges[r].from < range.to)
                complain("two values share a place");
        ranges[nranges++] = range;
    }
    for (size_t b = reached; !by_reference && b < size; b++)
        if (mask[b]) complain("places leave out a byte at the end");
    return i == PYTRAMP_RESULT && !by_reference ? seen : nranges;
}

/* A va_list's bits are not known, but all of them are passed. */
static const unsigned char *mask_of(const struct value *value) {
    static unsigned char list[64]; /* larger than any va_list */
    memset(list, 1, sizeof list);
    return value->shape->kind == LIST ? list : masks + value->offset;
}

static pytramp_status new_signature(struct test *test, pytramp_abi abi) {
    const pytramp_type *types[ABI_MAX_ARGS + 1];
    for (size_t i = 0; i < test->nargs; i++)
        types[i] = build_type(test->args[i].shape);
    const pytramp_type *result = build_type(test->result);
    return (test->variadic ? pytramp_signature_new_variadic
                           : pytramp_signature_new)(&signature, abi, result, test->nargs, types);
}

/* A line for the result, then one for each argument; one for all where the convention refuses. */
void explain(struct test *test, const char *abi) {
    pytramp_abi code;
    need(pytramp_abi_named(&code, abi), abi);
    pytramp_status status = new_signature(test, code);
    printf("signature %u: %s\n", test->number, status ? pytramp_status_text(status) : test->text);
    if (status) return;
    print_places(PYTRAMP_RESULT);
    for (size_t i = 0; i < test->nargs; i++)
        print_places(i);
}

void *build(struct test *test) {
    static struct range ranges[(ABI_MAX_ARGS + 1) * PYTRAMP_MAX_PLACES];
    void *code = NULL;
    shape_va_list.type = pt_port.list_type;
    shape_va_list.size = pytramp_type_size(pt_port.list_type);
    for (size_t i = 0; i < test->nextra; i++)
        build_type(test->extra[i].shape);
    need(new_signature(test, test->abi), "a signature");
    const pytramp_signature *again = signature;
    need(new_signature(test, test->abi), "the same signature");
    if (again != signature) complain("an equal signature is another one");
    size_t n = check_places(PYTRAMP_RESULT, test->result, result_mask, ranges, 0);
    for (size_t i = 0; i < test->nargs; i++)
        n = check_places(i, test->args[i].shape, mask_of(&test->args[i]), ranges, n);
    need(pytramp_closure_new(&code, signature, abi_handle, test), "pytramp_closure_new");
    return code;
}

void release(void *code) {
    need(pytramp_closure_free(code), "pytramp_closure_free");
}

void copy_list(va_list *to, void *argument, int is_argument) {
    if (is_argument)
        pt_port.list_copy(to, argument);
    else
        va_copy(*to, *(va_list *)argument);
}

void abi_take(va_list *list, struct shape *shape, void *to) {
    need(pt_port.list_aggregate(list, shape->type, to), "list_aggregate");
}
#endif
