/* Where functions are known by descriptors, which are data: a pair is memory for slots, on any
 * system, and nothing is mapped executable. */
#include "../config.h"
#if PT_DESCRIPTORS

#  include "../stubs.h"
#  include "posix.h"

const struct pt_growth_step pt_growth_steps[] = {
    {PYTRAMP_GROW_MEMORY, "memory", NULL},
    {0, NULL, NULL},
};

const char *pt_pages_pair(const struct pt_growth_step *step, struct pt_pair *pair,
                          const unsigned char *template, size_t size) {
    (void)step, (void)template;
    unsigned char *at = pt_posix_reserve(size);
    if (!at) return "mmap of plain memory";
    *pair = (struct pt_pair){at, (struct pt_slot *)(void *)at};
    return NULL;
}

#endif
