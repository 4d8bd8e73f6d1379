/* pytramp_type_layout for a union, which the fuzzer asks for, too. */
#ifndef LAYOUT_UNION_H
#define LAYOUT_UNION_H

#include "pytramp.h"

static pytramp_status layout_union(const pytramp_type **type, size_t size, size_t alignment,
                                   size_t n, const pytramp_member *members) {
    pytramp_layout layout = {.struct_size = sizeof layout,
                             .size = size,
                             .alignment = alignment,
                             .is_union = 1,
                             .nmembers = n,
                             .members = members};
    return pytramp_type_layout_ex(type, &layout);
}

#endif
