/* pytramp.Pointer and pytramp.VarArgs, which are written in C: python/pointer.c, python/varargs.c.
 */
#include "bindings.h"

namespace pytramp {

void register_pointer(py::module_ &m) {
    add_type(m, "Pointer", pt_types_here()->pointer, pt_pointer_type_make);
    add_type(m, "VarArgs", pt_types_here()->varargs, pt_varargs_type_make);
}

} // namespace pytramp
