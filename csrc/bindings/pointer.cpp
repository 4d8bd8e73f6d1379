/* pytramp.Pointer and pytramp.VarArgs, which are written in C: python/pointer.c, python/varargs.c.
 */
#include "bindings.h"

namespace pytramp {

int register_pointer(PyObject *module) {
    if (add_type(module, "Pointer", pt_types_here()->pointer, pt_pointer_type_make)) return -1;
    return add_type(module, "VarArgs", pt_types_here()->varargs, pt_varargs_type_make);
}

} // namespace pytramp
