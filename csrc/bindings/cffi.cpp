/* For pytramp.interop.cffi: cdata function pointers that keep a Closure. Here, since cffi makes its
 * own callbacks in C, and these should not cost more than it takes cffi's Python code to get there.
 */
#include "bindings.h"

#include <structmember.h>

namespace pytramp {

/* ---- A cdata that keeps a Closure ---- */

/* The closure is the self of the destructor that cffi calls, and lets go of when it has. */
static PyObject *let_go(PyObject *, PyObject *) {
    Py_RETURN_NONE;
}

static PyMethodDef keeper = {"pytramp_closure", let_go, METH_O, nullptr};

/* gc is _cffi_backend.gcp, ctype a type of function pointers. */
static PyObject *point_at(PyObject *gc, PyObject *ctype, PyObject *closure) {
    void *code = pt_closure_object_code(reinterpret_cast<pt_closure_object *>(closure));
    if (!code) return refuse_closed(closure);
    PyObject *bare = pt_cffi_pointer(code, ctype);
    PyObject *destructor = bare ? PyCFunction_New(&keeper, closure) : nullptr;
    PyObject *args = destructor ? PyTuple_Pack(2, bare, destructor) : nullptr;
    PyObject *made = args ? PyObject_Call(gc, args, nullptr) : nullptr;
    Py_XDECREF(args);
    Py_XDECREF(destructor);
    Py_XDECREF(bare);
    return made;
}

/* TypeError, false, for what is no ctype of function pointers. */
static bool check_ctype(PyObject *ctype) {
    PyObject *type = pt_imported("_cffi_backend", "CType"), *kind = nullptr;
    if (!type) return false;
    if (reinterpret_cast<PyObject *>(Py_TYPE(ctype)) == type)
        kind = PyObject_GetAttrString(ctype, "kind");
    Py_DECREF(type);
    bool is_function =
        kind && PyUnicode_Check(kind) && !PyUnicode_CompareWithASCIIString(kind, "function");
    Py_XDECREF(kind);
    if (!is_function && !PyErr_Occurred())
        PyErr_Format(PyExc_TypeError, "%R is no function ctype", ctype);
    return is_function;
}

/* ---- What makes the callbacks of one type ---- */

struct CffiMaker {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject *ctype, *gc;
    pt_signature_object *signature;
};

static CffiMaker *as_maker(PyObject *object) {
    return reinterpret_cast<CffiMaker *>(object);
}

/* cffi's onerror has three parameters: a new reference to one that has ours. */
static PyObject *adapted(PyObject *onerror) {
    if (onerror == Py_None) return Py_NewRef(onerror);
    return pt_ask("pytramp.interop.cffi", "with_one_parameter", "(O)", onerror);
}

PyObject *make_cffi(PyObject *self, PyObject *callable, PyObject *error, PyObject *onerror,
                    long depth) {
    const CffiMaker *maker = as_maker(self);
    if (!PyCallable_Check(callable)) {
        PyErr_SetString(PyExc_TypeError, "the 'python_callable' argument is not callable");
        return nullptr;
    }
    Options options;
    options.manner = PT_MANNER_CFFI;
    options.error = error;
    options.onerror = adapted(onerror);
    options.depth = static_cast<int>(depth);
    PyObject *closure =
        options.onerror ? make_closure(maker->signature, callable, options) : nullptr;
    PyObject *made = closure ? point_at(maker->gc, maker->ctype, closure) : nullptr;
    Py_XDECREF(options.onerror);
    Py_XDECREF(closure);
    return made;
}

/* maker(error, onerror, callable) -> cdata: a decorator is a maker with its first arguments. */
static PyObject *maker_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names) {
    if (PyVectorcall_NARGS(nargsf) == 3 && !(names && PyTuple_GET_SIZE(names)))
        return make_cffi(self, args[2], args[0], args[1], 0);
    PyErr_SetString(PyExc_TypeError, "a CffiMaker takes error, onerror and a callable");
    return nullptr;
}

static PyObject *maker_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static const char *names[] = {"ctype", nullptr};
    PyObject *ctype;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:CffiMaker", const_cast<char **>(names),
                                     &ctype) ||
        !check_ctype(ctype))
        return nullptr;
    PyObject *self = type->tp_alloc(type, 0);
    if (!self) return nullptr;
    CffiMaker *made = as_maker(self);
    PyObject *signatures = reinterpret_cast<PyObject *>(pt_types_here()->signature);
    made->vectorcall = maker_call;
    made->ctype = Py_NewRef(ctype);
    made->gc = pt_imported("_cffi_backend", "gcp");
    made->signature =
        reinterpret_cast<pt_signature_object *>(PyObject_CallOneArg(signatures, ctype));
    if (!made->gc || !made->signature) Py_CLEAR(self);
    return self;
}

static int maker_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(as_maker(self)->ctype);
    Py_VISIT(as_maker(self)->gc);
    Py_VISIT(as_maker(self)->signature);
    return 0;
}

static void maker_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(as_maker(self)->ctype);
    Py_XDECREF(as_maker(self)->gc);
    Py_XDECREF(as_maker(self)->signature);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(CffiMaker, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

#define SLOT(id, function) {id, reinterpret_cast<void *>(function)}

static PyType_Slot slots[] = {
    SLOT(Py_tp_new, maker_new),
    SLOT(Py_tp_call, PyVectorcall_Call),
    SLOT(Py_tp_traverse, maker_traverse),
    SLOT(Py_tp_dealloc, maker_dealloc),
    SLOT(Py_tp_members, members),
    {Py_tp_doc, const_cast<char *>("CffiMaker(ctype)\n--\n\n"
                                   "Makes the callbacks of a ctype of function pointers: "
                                   "maker(error, onerror, callable); immutable.")},
    {0, nullptr},
};

static PyType_Spec spec = {"pytramp._core.CffiMaker", sizeof(CffiMaker), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                               Py_TPFLAGS_IMMUTABLETYPE,
                           slots};

/* ---- For pytramp._cffi ---- */

static PyObject *cffi_pointer(PyObject *, PyObject *args) {
    PyObject *ctype, *closure;
    if (!PyArg_ParseTuple(args, "OO!:cffi_pointer", &ctype, pt_types_here()->closure, &closure) ||
        !check_ctype(ctype))
        return nullptr;
    PyObject *gc = pt_imported("_cffi_backend", "gcp");
    PyObject *made = gc ? point_at(gc, ctype, closure) : nullptr;
    Py_XDECREF(gc);
    return made;
}

static PyMethodDef functions[] = {
    {"cffi_pointer", cffi_pointer, METH_VARARGS,
     "cffi_pointer(ctype, closure) -> a cdata function pointer that keeps the Closure"},
    {nullptr, nullptr, 0, nullptr},
};

int register_cffi(PyObject *module) {
    if (PyModule_AddFunctions(module, functions)) return -1;
    return add_type(module, "CffiMaker", pt_types_here()->cffi_maker,
                    [] { return PyType_FromSpec(&spec); });
}

} // namespace pytramp
