/* pytramp.Pointer and pytramp.VarArgs, which are written in C: python/pointer.c, python/varargs.c.
 */
#include "bindings.h"

namespace pytramp {

static void add(py::module_ &m, const char *name, PyObject *type) {
    py::object made = py::reinterpret_steal<py::object>(type);
    if (!made) throw py::error_already_set();
    m.add_object(name, made.inc_ref());
}

void register_pointer(py::module_ &m) {
    add(m, "Pointer", pt_pointer_type_make());
    add(m, "VarArgs", pt_varargs_type_make());
}

} // namespace pytramp
