/* Structs and unions out of scalars and of each other, and what the core must make of them. */
#ifndef AGGREGATES_H
#define AGGREGATES_H

#include "../c/layout_union.h"
#include "input.h"

/* ---- Statuses: a call with mistakes must report one of them ---- */

struct mistakes {
    int null, type, large, abi;
};

static void check_status(pytramp_status status, struct mistakes made, int may_be_large) {
    switch (status) {
    case PYTRAMP_OK: assert(!made.null && !made.type && !made.large && !made.abi); break;
    case PYTRAMP_E_NULL: assert(made.null); break;
    case PYTRAMP_E_TYPE: assert(made.type); break;
    case PYTRAMP_E_TOO_LARGE: assert(made.large || may_be_large); break;
    case PYTRAMP_E_ABI: assert(made.abi); break;
    default: abort();
    }
}

/* ---- Aggregates ---- */

#define MEMBERS 6
#define NO_TYPE ((const pytramp_type *)(uintptr_t)0xabcd)

struct draft {
    size_t n;     /* members that there are */
    size_t given; /* how many the core is told of */
    struct known known[MEMBERS];
    pytramp_member *members; /* in a block of its own */
    struct mistakes mistakes;
    int may_be_large;
};

/* As the core counts them. */
static size_t elements(const pytramp_member *member) {
    return member->count == PYTRAMP_ARRAY_OF_ONE ? 1 : member->count;
}

static int product_is_above(size_t limit, size_t a, size_t b) {
    return a && b > limit / a;
}

static struct draft take_draft(struct input *in, const struct pool *pool) {
    struct draft draft = {.n = take(in) % (MEMBERS + 1)};
    draft.given = draft.n;
    draft.members = block_of(draft.n * sizeof *draft.members);
    for (size_t i = 0; i < draft.n; i++) {
        draft.known[i] = take_type(in, pool);
        size_t count = take_count(in);
        draft.members[i] = (pytramp_member){draft.known[i].type, count, take_size(in)};
    }
    if (take_mistake(in)) {
        draft.given = SIZE_MAX - take(in);
    } else if (take_mistake(in)) {
        draft.n = 0;
        free(draft.members);
        draft.members = NULL;
    }
    return draft;
}

static void judge_member(struct draft *draft, const pytramp_member *member) {
    if (!member->type) {
        draft->mistakes.null = 1;
        return;
    }
    size_t size = member->type->size, count = elements(member);
    if (member->type == &pytramp_type_void || !count) draft->mistakes.type = 1;
    if (product_is_above(PTRDIFF_MAX, size, count)) draft->mistakes.large = 1;
    if (product_is_above(PTRDIFF_MAX / 16, size, count)) draft->may_be_large = 1;
}

static void judge_members(struct draft *draft) {
    if (draft->given > MEMBERS) draft->mistakes.large = 1;
    if (draft->given && !draft->members) draft->mistakes.null = 1;
    for (size_t i = 0; i < draft->n; i++)
        judge_member(draft, &draft->members[i]);
}

/* What is known about type, made of the draft's members at the offsets that the core has chosen. */
static struct known composed(const pytramp_type *type, const struct draft *draft) {
    struct known all = {type, 0, 1, 1};
    for (size_t i = 0; i < draft->n; i++) {
        const struct known *known = &draft->known[i];
        size_t size = known->type->size, count = elements(&draft->members[i]);
        size_t offset = type->members[i].offset;
        for (size_t k = 0; size && k < count && offset + k * size < 64; k++)
            all.used |= known->used << (offset + k * size);
        int most = product_is_above(MOST_EFFORT, known->effort, count);
        all.effort += most ? MOST_EFFORT : known->effort * count;
        if (known->nesting >= all.nesting) all.nesting = known->nesting + 1;
    }
    if (all.effort > MOST_EFFORT) all.effort = MOST_EFFORT;
    return all;
}

static void check_members(const pytramp_type *type, const struct draft *draft) {
    assert(type->nmembers == draft->n && type->alignment && type->size % type->alignment == 0);
    assert(!(type->alignment & (type->alignment - 1)) && type->size <= PTRDIFF_MAX);
    for (size_t i = 0; i < draft->n; i++) {
        const pytramp_member *member = &type->members[i];
        size_t bytes = member->type->size * member->count;
        pytramp_member given = pt_type_member(type, i);
        assert(given.type == draft->members[i].type && given.count == draft->members[i].count);
        assert(bytes <= type->size && member->offset <= type->size - bytes);
    }
}

/* As C lays them out: each member where the one before it ends, or as little later as its alignment
 * asks for; no more padding at the end, either. */
static void check_offsets(const pytramp_type *type, size_t pack, int overlap) {
    size_t end = 0, alignment = 1;
    for (size_t i = 0; i < type->nmembers; i++) {
        const pytramp_member *member = &type->members[i];
        size_t own = member->type->alignment;
        if (pack && pack < own) own = pack;
        if (own > alignment) alignment = own;
        if (!overlap) assert(member->offset >= end && member->offset - end < own);
        assert(member->offset % own == 0 && (!overlap || !member->offset));
        size_t reach = member->offset + member->type->size * member->count;
        if (reach > end) end = reach;
    }
    assert(type->alignment == alignment && type->size - end < alignment);
}

typedef pytramp_status layout(const pytramp_type **, size_t, size_t, size_t,
                              const pytramp_member *);

/* The same type, from what is known of it. */
static void check_layout(const pytramp_type *type, layout *lay_out) {
    pytramp_member members[MEMBERS];
    const pytramp_type *again;
    for (size_t i = 0; i < type->nmembers; i++)
        members[i] = pt_type_member(type, i);
    assert(!lay_out(&again, type->size, type->alignment, type->nmembers, members));
    assert(again == type);
}

typedef pytramp_status composer(const pytramp_type **, size_t, const pytramp_member *, size_t);

static void compose(struct input *in, struct pool *pool, int overlap) {
    composer *make = overlap ? pytramp_type_union : pytramp_type_struct;
    struct draft draft = take_draft(in, pool);
    size_t pack = take(in) % 2 ? take_alignment(in) : 0;
    const pytramp_type *type = NO_TYPE, *again;
    judge_members(&draft);
    if (pack & (pack - 1)) draft.mistakes.type = 1;
    pytramp_status status = make(&type, draft.given, draft.members, pack);
    check_status(status, draft.mistakes, draft.may_be_large);
    if (!status) {
        check_members(type, &draft);
        check_offsets(type, pack, overlap);
        assert(!make(&again, draft.n, draft.members, pack) && again == type);
        check_layout(type, overlap ? layout_union : pytramp_type_layout);
        keep(pool, composed(type, &draft));
    } else {
        assert(type == NO_TYPE && make(NULL, draft.given, draft.members, pack));
    }
    free(draft.members);
}

/* Half of the layouts get what they need to be accepted. */
static void make_fit(struct draft *draft, size_t *size, size_t alignment) {
    if (*size > PTRDIFF_MAX / 4 || !alignment || alignment > PTRDIFF_MAX / 4) return;
    *size = (*size + alignment - 1) / alignment * alignment;
    for (size_t i = 0; i < draft->n; i++) {
        pytramp_member *member = &draft->members[i];
        size_t each = member->type ? member->type->size : 0;
        if (product_is_above(*size, each, elements(member))) member->count = 1;
        if (each * elements(member) <= *size) member->offset %= *size - each * elements(member) + 1;
    }
}

static void judge_layout(struct draft *draft, size_t size, size_t alignment) {
    judge_members(draft);
    if (!alignment || alignment & (alignment - 1) || size % alignment) draft->mistakes.type = 1;
    if (size > PTRDIFF_MAX) draft->mistakes.large = 1;
    if (size > PTRDIFF_MAX / 16 || alignment > 1 << 20) draft->may_be_large = 1;
    for (size_t i = 0; i < draft->n; i++) {
        const pytramp_member *member = &draft->members[i];
        size_t each = member->type ? member->type->size : 0;
        if (product_is_above(size, each, elements(member)) ||
            member->offset > size - each * elements(member))
            draft->mistakes.type = 1;
    }
}

/* By their offsets, as a type has them; those of one offset stay as they are. */
static void put_in_order(struct draft *draft) {
    for (size_t i = 1; i < draft->n; i++) {
        pytramp_member member = draft->members[i];
        struct known known = draft->known[i];
        size_t to = i;
        for (; to && draft->members[to - 1].offset > member.offset; to--) {
            draft->members[to] = draft->members[to - 1];
            draft->known[to] = draft->known[to - 1];
        }
        draft->members[to] = member;
        draft->known[to] = known;
    }
}

static int share_bytes(const pytramp_member *a, const pytramp_member *b) {
    size_t size = a->type->size * elements(a), other = b->type->size * elements(b);
    int are_bits = a->type->code == PT_TYPE_BITS && b->type->code == PT_TYPE_BITS;
    return size && other && !are_bits && a->offset < b->offset + other &&
           b->offset < a->offset + size;
}

static int is_overlapping(const struct draft *draft) {
    for (size_t i = 0; i < draft->n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (share_bytes(&draft->members[i], &draft->members[k])) return 1;
        }
    }
    return 0;
}

static void lay_out(struct input *in, struct pool *pool) {
    struct draft draft = take_draft(in, pool);
    size_t size = take_size(in), alignment = take_alignment(in);
    const pytramp_type *type = NO_TYPE, *again;
    if (take(in) % 2) make_fit(&draft, &size, alignment);
    judge_layout(&draft, size, alignment);
    int is_union = take(in) % 2;
    pytramp_status (*make)(const pytramp_type **, size_t, size_t, size_t, const pytramp_member *) =
        is_union ? layout_union : pytramp_type_layout;
    pytramp_status status = make(&type, size, alignment, draft.given, draft.members);
    check_status(status, draft.mistakes, draft.may_be_large);
    if (!status) {
        assert(!make(&again, size, alignment, draft.n, draft.members));
        assert(again == type);
        put_in_order(&draft);
        check_members(type, &draft);
        assert(type->size == size && type->alignment == alignment);
        assert(!type->is_union == !((is_union && draft.n) || is_overlapping(&draft)));
        keep(pool, composed(type, &draft));
    } else {
        assert(type == NO_TYPE);
        assert(make(NULL, size, alignment, draft.given, draft.members));
    }
    free(draft.members);
}

/* What a tower stands on: few things, because all of its levels are there for ever. */
static struct known take_ground(struct input *in) {
    unsigned byte = take(in);
    if (byte < COUNT(scalars)) return scalar(byte);
    struct known known = {NULL, 0, 1, 1};
    assert(!pytramp_type_layout(&known.type, byte % 4, 1, 0, NULL));
    return known;
}

/* One type in another in another: small, and yet more work than anyone could do, or deeper than a
 * stack. */
static void stack_up(struct input *in, struct pool *pool) {
    struct known known = take_ground(in);
    unsigned levels = take(in), shape = take(in);
    composer *make = shape & 1 ? pytramp_type_union : pytramp_type_struct;
    for (; levels && known.type != &pytramp_type_void; levels--) {
        pytramp_member members[2] = {{known.type, 1, 0}, {known.type, 1, 0}};
        struct draft draft = {
            .n = 1 + (shape >> 1 & 1), .known = {known, known}, .members = members};
        const pytramp_type *type;
        if (make(&type, draft.n, members, shape & 4)) break;
        known = composed(type, &draft);
    }
    keep(pool, known);
}

#endif
