/* The seam of the CPU: what an arch/<cpu>/ directory exports besides its stubs (stubs.h). */
#ifndef PT_PORT_H
#define PT_PORT_H

#include "abi/abi.h"

struct pt_port {
    const char *cpu;
    const struct pt_abi *abi; /* PYTRAMP_ABI_DEFAULT here */
    /* Where the entry saved a part of an argument, in bytes from the start of struct pt_frame. */
    uint32_t (*argument_at)(const struct pt_part *part);
    /* Where the entry loads a part of the result from. */
    uint32_t (*result_at)(const struct pt_part *part);
    /* The entry that saves and loads what this signature needs, and not more. */
    void (*(*entry)(size_t nargs, const struct pt_location *args,
                    const struct pt_location *result))(void);
};

PT_HIDDEN extern const struct pt_port pt_port;

#endif
