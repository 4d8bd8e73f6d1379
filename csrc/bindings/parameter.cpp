/* Closure._as_parameter_: what ctypes passes for a Closure, a function pointer that keeps it. */
#include "bindings.h"

namespace pytramp {

/* Made of a signature once; immutable. */
static const pt_parameter *new_parameter(pt_signature_object *signature) {
    PyObject *cls = pt_ask("pytramp._ctypes", "parameter_class", "(O)", signature);
    if (!cls) return nullptr;
    auto *made = static_cast<pt_parameter *>(PyMem_Calloc(1, sizeof(pt_parameter)));
    if (!made) {
        PyErr_NoMemory();
    } else if (cls != Py_None) {
        made->cls = reinterpret_cast<PyTypeObject *>(Py_NewRef(cls));
        if (find_layout(made->cls, made->layout)) {
            drop_parameter(made);
            made = nullptr;
        }
    }
    Py_DECREF(cls);
    return made;
}

/* Without a GIL two threads may ask at once: the first one's stays. */
static const pt_parameter *parameter_of(pt_signature_object *signature) {
    const pt_parameter *known = __atomic_load_n(&signature->parameter, __ATOMIC_ACQUIRE);
    if (known) return known;
    const pt_parameter *made = new_parameter(signature);
    if (!made || __atomic_compare_exchange_n(&signature->parameter, &known, made, false,
                                             __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return made;
    drop_parameter(made);
    return known;
}

void drop_parameter(const pt_parameter *parameter) {
    if (parameter) Py_XDECREF(reinterpret_cast<PyObject *>(parameter->cls));
    PyMem_Free(const_cast<pt_parameter *>(parameter));
}

PyObject *as_parameter(PyObject *closure) {
    auto *signature = reinterpret_cast<pt_closure_object *>(closure)->signature;
    const pt_parameter *parameter = parameter_of(signature);
    if (!parameter) return nullptr;
    if (parameter->cls) return point_bare(parameter->cls, parameter->layout, closure);
    return pt_ask("pytramp._ctypes", "as_address", "(O)", closure);
}

} // namespace pytramp
