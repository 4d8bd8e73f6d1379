/* Closures as capsules, for those who take a C function with its type as text (SciPy). */
#include "bindings.h"

#include <cstddef>
#include <cstring>

namespace pytramp {

/* The capsule's context belongs to who gets it; what it keeps hangs on its name instead, which must
 * live as long as it anyway. */
struct Named {
    PyObject *closure;
    char name[1]; /* and more */
};

static void let_go(PyObject *capsule) {
    const char *name = PyCapsule_GetName(capsule);
    auto *named = reinterpret_cast<Named *>(const_cast<char *>(name) - offsetof(Named, name));
    Py_DECREF(named->closure);
    PyMem_Free(named);
}

/* capsule(closure, name) -> a PyCapsule of the address, which keeps the closure. */
static PyObject *capsule(PyObject *, PyObject *args) {
    PyObject *closure;
    const char *name;
    if (!PyArg_ParseTuple(args, "O!s:capsule", pt_types_here()->closure, &closure, &name))
        return nullptr;
    PyObject *address = PyNumber_Index(closure); /* FreedCallbackError of a closed one */
    if (!address) return nullptr;
    auto *named = static_cast<Named *>(PyMem_Malloc(sizeof(Named) + strlen(name)));
    PyObject *made = nullptr;
    if (named) {
        strcpy(named->name, name);
        made = PyCapsule_New(PyLong_AsVoidPtr(address), named->name, let_go);
    } else {
        PyErr_NoMemory();
    }
    Py_DECREF(address);
    if (made)
        named->closure = Py_NewRef(closure);
    else
        PyMem_Free(named);
    return made;
}

static PyMethodDef functions[] = {
    {"capsule", capsule, METH_VARARGS,
     "capsule(closure, name) -> a PyCapsule of its address, which keeps the Closure"},
    {nullptr, nullptr, 0, nullptr},
};

int register_capsule(PyObject *module) {
    return PyModule_AddFunctions(module, functions);
}

} // namespace pytramp
