/* pytramp.get_errno, set_errno; on Windows get_last_error, set_last_error */
#include "bindings.h"

namespace pytramp {

void register_errno(py::module_ &m) {
    m.def("get_errno", &pt_get_errno,
          "C's errno: within a callback as the C caller left it, outside as it is in this thread.");
    m.def("set_errno", &pt_set_errno, py::arg("value"),
          "Set C's errno: within a callback what its C caller will find, outside at once.");
    if (!pt_has_last_error()) return;
    m.def("get_last_error", &pt_get_last_error,
          "GetLastError(): within a callback as the C caller left it, outside as it is in this "
          "thread.");
    m.def("set_last_error", &pt_set_last_error, py::arg("value"),
          "SetLastError(value): within a callback what its C caller will find, outside at once.");
}

} // namespace pytramp
