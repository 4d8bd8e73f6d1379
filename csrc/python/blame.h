/* Saying which part an exception is about. */
#ifndef PT_BLAME_H
#define PT_BLAME_H

#include "objects.h"

#include "../config.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Puts a text before what the exception that is set says, as PyUnicode_FromFormat makes it. One
 * that says nothing, or whose text is made of something else than a str, stays as it is. */
void pt_blame(const char *format, ...);

#ifdef __cplusplus
}
#endif

#endif
