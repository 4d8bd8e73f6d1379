/* pytramp._core.c_api: what pytramp_import() of other extensions imports. */
#include "bindings.h"

namespace pytramp {

int register_c_api(PyObject *module) {
    return add_new(module, "c_api", pt_c_api());
}

} // namespace pytramp
