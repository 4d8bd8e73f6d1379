/* pytramp._core.c_api: what pytramp_import() of other extensions imports. */
#include "bindings.h"

namespace pytramp {

void register_c_api(py::module_ &m) {
    PyObject *capsule = pt_c_api();
    if (!capsule) throw py::error_already_set();
    m.attr("c_api") = py::reinterpret_steal<py::object>(capsule);
}

} // namespace pytramp
