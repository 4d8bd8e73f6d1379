/* Windows' convention: all that there is on Windows, and one more on System V. */
#ifndef PT_PORT_WIN64_H
#define PT_PORT_WIN64_H

#include "../../port.h"

#ifdef PT_OS_WINDOWS
#  define pt_port_win64 pt_port
#else
PT_HIDDEN extern const struct pt_port pt_port_win64;
#endif

#endif
