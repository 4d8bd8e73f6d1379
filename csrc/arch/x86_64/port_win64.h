/* Windows' convention where it is one more, on System V's systems; on Windows it is pt_port. */
#ifndef PT_PORT_WIN64_H
#define PT_PORT_WIN64_H

#include "../../port.h"

PT_HIDDEN extern const struct pt_port pt_port_win64;

#endif
