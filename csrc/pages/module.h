/* The file that this library was loaded from, mapped again: a growth step. */
#ifndef PT_PAGES_MODULE_H
#define PT_PAGES_MODULE_H

#include "../pages.h"

/* As a step's copy. */
PT_HIDDEN const char *pt_module_copy(void **copy, void *at, const unsigned char *template,
                                     size_t size);

#endif
