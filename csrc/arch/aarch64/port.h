/* What the ports of the systems share; each of them is a file that exports pt_port. */
#ifndef PT_AARCH64_PORT_H
#define PT_AARCH64_PORT_H

#include "../../port.h"

PT_HIDDEN uint32_t pt_aarch64_argument_at(const struct pt_part *part);
PT_HIDDEN uint32_t pt_aarch64_result_at(const struct pt_part *part);
PT_HIDDEN void (*pt_aarch64_entry(const pytramp_signature *signature))(void);

#endif
