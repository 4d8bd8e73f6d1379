/* pytramp.get_errno, set_errno */
#include "bindings.h"

#include <cerrno>

namespace pytramp {

static int get_errno() {
    int *saved = pt_saved_errno();
    return saved ? *saved : errno;
}

static void set_errno(int value) {
    int *saved = pt_saved_errno();
    (saved ? *saved : errno) = value;
}

void register_errno(py::module_ &m) {
    m.def("get_errno", &get_errno,
          "C's errno: within a callback as the C caller left it, outside as it is in this thread.");
    m.def("set_errno", &set_errno, py::arg("value"),
          "Set C's errno: within a callback what its C caller will find, outside at once.");
}

} // namespace pytramp
