/* pytramp.Closure: a heap type, since a pybind11 class costs more to make than all the rest. */
#include "bindings.h"

#include <frameobject.h> /* 3.10 has a frame's members there */
#include <structmember.h>

namespace pytramp {

using Object = pt_closure_object;

static Object *as_closure(PyObject *self) {
    return reinterpret_cast<Object *>(self);
}

/* ---- Making one ---- */

static int check(pt_signature_object *signature, PyObject *callable, const Options &options) {
    if (!PyCallable_Check(callable)) {
        PyErr_Format(PyExc_TypeError, "a callback must be callable, not %.200s",
                     Py_TYPE(callable)->tp_name);
        return -1;
    }
    if (is_given(options.onerror) && !PyCallable_Check(options.onerror)) {
        PyErr_Format(PyExc_TypeError, "onerror must be callable or None, not %.200s",
                     Py_TYPE(options.onerror)->tp_name);
        return -1;
    }
    if (is_given(options.name) && !PyUnicode_Check(options.name)) {
        PyErr_Format(PyExc_TypeError, "name must be a str or None, not %.200s",
                     Py_TYPE(options.name)->tp_name);
        return -1;
    }
    if (options.manner != PT_MANNER_OWN) return 0;
    if (check_coroutine(signature, callable, options.wrapped != nullptr)) return -1;
    if (is_given(options.onerror) && check_onerror(options.onerror)) return -1;
    return check_arity(signature, callable);
}

static PyFrameObject *frame_at(int depth) {
    PyFrameObject *frame = PyEval_GetFrame();
    Py_XINCREF(frame);
    while (frame && depth-- > 0) {
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_DECREF(frame);
        frame = back;
    }
    return frame;
}

/* Where the innermost frame but `depth` stands: kept as code and offset, read only for a report.
 * Without memory for a frame object the report will not say it. */
static void note_origin(Object *closure, int depth) {
    PyFrameObject *frame = frame_at(depth);
    if (!frame) {
        PyErr_Clear();
        return;
    }
    closure->made_in = reinterpret_cast<PyObject *>(PyFrame_GetCode(frame));
#if PY_VERSION_HEX >= 0x030B0000
    closure->made_at = PyFrame_GetLasti(frame);
#else
    closure->made_at = frame->f_lasti * 2; /* counts code units of two bytes */
#endif
    Py_DECREF(frame);
}

static int set_onerror(Object *closure, PyObject *onerror) {
    if (!is_given(onerror)) return 0;
    if (!pt_closure_need_extras(closure)) return -1;
    closure->extras->onerror = Py_NewRef(onerror);
    return 0;
}

/* arrays="numpy": pytramp._numpy has the class, and a dtype or None for each argument. */
static int set_arrays(Object *closure, PyObject *arrays) {
    if (!arrays ||
        (PyUnicode_Check(arrays) && !PyUnicode_CompareWithASCIIString(arrays, "memoryview")))
        return 0;
    if (!pt_closure_need_extras(closure)) return -1;
    PyObject *pair =
        pt_ask("pytramp._numpy", "arrays_of", "(OO)", arrays, closure->signature->arguments);
    if (!pair) return -1;
    closure->extras->ndarray = Py_NewRef(PyTuple_GET_ITEM(pair, 0));
    closure->extras->dtypes = Py_NewRef(PyTuple_GET_ITEM(pair, 1));
    Py_DECREF(pair);
    return 0;
}

static int set_manner(Object *closure, pt_manner manner) {
    closure->manner = manner;
    return manner == PT_MANNER_CFFI ? pt_closure_object_share_cffi_errno(closure) : 0;
}

/* Of a closure of a closure of a closure it is the last one, at once: they may be many. */
static int set_inner(Object *closure) {
    if (!closure->is_native || Py_TYPE(closure->callable) != Py_TYPE(closure)) return 0;
    Object *inner = as_closure(closure->callable);
    if (inner->extras && inner->extras->inner) inner = inner->extras->inner;
    if (!pt_closure_need_extras(closure)) return -1;
    closure->extras->inner = as_closure(Py_NewRef(reinterpret_cast<PyObject *>(inner)));
    return 0;
}

static int open(Object *closure) {
    if (closure->is_native) return 0;
    pytramp_status status = pt_closure_object_open(closure);
    if (!status) return 0;
    set_status(status);
    return -1;
}

PyObject *make_closure(pt_signature_object *signature, PyObject *callable, const Options &options) {
    void *native = options.adopted;
    if (!native && find_native(signature, callable, options, &native)) return nullptr;
    if (!native && check(signature, options.wrapped ? options.wrapped : callable, options))
        return nullptr;
    Object *made = PyObject_GC_New(Object, pt_types_of(signature->interpreter)->closure);
    if (!made) return nullptr;
    /* Everything behind the header starts as zero. */
    memset(reinterpret_cast<char *>(made) + sizeof(PyObject), 0, sizeof *made - sizeof(PyObject));
    made->signature =
        reinterpret_cast<pt_signature_object *>(Py_NewRef(reinterpret_cast<PyObject *>(signature)));
    made->callable = Py_NewRef(callable);
    made->is_native = native != nullptr;
    made->native = native;
    if (is_given(options.name)) made->name = Py_NewRef(options.name);
    made->scheduled = options.wrapped != nullptr;
    note_origin(made, options.depth);
    if (set_manner(made, options.manner) || set_onerror(made, options.onerror) ||
        set_error(made, options.error) || set_result(made, options.result) ||
        set_arrays(made, options.arrays) || set_inner(made) || open(made)) {
        Py_DECREF(made);
        return nullptr;
    }
    if (options.immortal) {
        made->immortal = 1;
        Py_INCREF(made);
    }
    PyObject_GC_Track(made);
    return reinterpret_cast<PyObject *>(made);
}

static PyObject *closure_new(PyTypeObject *, PyObject *, PyObject *) {
    PyErr_SetString(PyExc_TypeError,
                    "make a Closure with pytramp.callback() or by calling a Signature");
    return nullptr;
}

/* ---- Using one ---- */

PyObject *refuse_closed(PyObject *self) {
    const pt_interpreter *interpreter = as_closure(self)->signature->interpreter;
    return PyErr_Format(pt_types_of(interpreter)->FreedCallbackError, "%R is closed", self);
}

static PyObject *get_address(PyObject *self, void *) {
    void *code = pt_closure_object_code(as_closure(self));
    return code ? PyLong_FromVoidPtr(code) : refuse_closed(self);
}

static PyObject *as_number(PyObject *self) {
    return get_address(self, nullptr);
}

/* The user's callable, also where the one that C reaches only schedules it. */
static PyObject *get_wrapped(PyObject *self, void *) {
    PyObject *callable = pt_closure_object_callable(as_closure(self));
    if (!callable) return refuse_closed(self);
    if (!as_closure(self)->scheduled) return callable;
    PyObject *wrapped = PyObject_GetAttrString(callable, "__wrapped__");
    Py_DECREF(callable);
    return wrapped;
}

static PyObject *get_name(PyObject *self, void *) {
    return pt_closure_name(as_closure(self));
}

static PyObject *get_signature(PyObject *self, void *) {
    return Py_NewRef(reinterpret_cast<PyObject *>(as_closure(self)->signature));
}

static PyObject *get_closed(PyObject *self, void *) {
    return PyBool_FromLong(!pt_closure_object_code(as_closure(self)));
}

static PyObject *get_native(PyObject *self, void *) {
    if (!pt_closure_object_code(as_closure(self))) return refuse_closed(self);
    return PyBool_FromLong(pt_native_of(as_closure(self)) != nullptr);
}

static PyObject *get_origin(PyObject *self, void *) {
    return pt_place_text(as_closure(self)->made_in, as_closure(self)->made_at);
}

/* Calls the Python callable itself; as_ctypes() goes through C. */
static PyObject *closure_call(PyObject *self, PyObject *args, PyObject *kwargs) {
    PyObject *callable = get_wrapped(self, nullptr);
    if (!callable) return nullptr;
    PyObject *result = PyObject_Call(callable, args, kwargs);
    Py_DECREF(callable);
    return result;
}

static PyObject *closure_close(PyObject *self, PyObject *) {
    pt_closure_object_close(as_closure(self), "closed");
    Py_RETURN_NONE;
}

static PyObject *closure_enter(PyObject *self, PyObject *) {
    return pt_closure_object_code(as_closure(self)) ? Py_NewRef(self) : refuse_closed(self);
}

static PyObject *closure_exit(PyObject *self, PyObject *) {
    return closure_close(self, nullptr);
}

static PyObject *closure_repr(PyObject *self) {
    Object *closure = as_closure(self);
    PyObject *name = pt_closure_name(closure);
    if (!name) return nullptr;
    void *code = pt_closure_object_code(closure);
    PyObject *text;
    if (!code)
        text = PyUnicode_FromFormat("<pytramp.Closure '%U' %S, closed>", name, closure->signature);
    else
        text =
            PyUnicode_FromFormat("<pytramp.Closure '%U' %S at %p>", name, closure->signature, code);
    Py_DECREF(name);
    return text;
}

/* What another library makes of a closure, a function of that module says. */
template <class... Args>
static PyObject *as_other(const char *module, const char *function, const char *format,
                          PyObject *self, Args... args) {
    if (!pt_closure_object_code(as_closure(self))) return refuse_closed(self);
    return pt_ask(module, function, format, self, args...);
}

static PyObject *get_as_parameter(PyObject *self, void *) {
    return as_parameter(self);
}

static PyObject *closure_as_ctypes(PyObject *self, PyObject *args, PyObject *kwargs) {
    static const char *names[] = {"prototype", nullptr};
    PyObject *prototype = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:as_ctypes", const_cast<char **>(names),
                                     &prototype))
        return nullptr;
    return as_other("pytramp._ctypes", "as_function", "(OO)", self, prototype);
}

static PyObject *closure_as_cffi(PyObject *self, PyObject *args, PyObject *kwargs) {
    static const char *names[] = {"ffi", "cdecl", nullptr};
    PyObject *ffi, *cdecl_ = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:as_cffi", const_cast<char **>(names), &ffi,
                                     &cdecl_))
        return nullptr;
    return as_other("pytramp._cffi", "as_function", "(OOO)", self, ffi, cdecl_);
}

static PyObject *closure_as_capsule(PyObject *self, PyObject *args, PyObject *kwargs) {
    static const char *names[] = {"signature", nullptr};
    PyObject *signature = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:as_capsule", const_cast<char **>(names),
                                     &signature))
        return nullptr;
    return as_other("pytramp._capsule", "as_capsule", "(OO)", self, signature);
}

static PyObject *closure_refuse_copy(PyObject *self, PyObject *) {
    PyErr_Format(PyExc_TypeError, "cannot copy or pickle %R: its address is its identity", self);
    return nullptr;
}

/* Without it bytes() would ask for a number, and make as many zeros as the address says. */
static PyObject *closure_refuse_bytes(PyObject *, PyObject *) {
    PyErr_SetString(PyExc_TypeError, "a Closure has no bytes: int(closure) is its address");
    return nullptr;
}

/* ---- For pytramp.propagate ---- */

/* add_sink(key, ([None], callable, thread)) */
static PyObject *closure_add_sink(PyObject *self, PyObject *args) {
    Object *closure = as_closure(self);
    PyObject *key, *cell, *tell, *thread;
    if (!pt_closure_object_code(closure)) return refuse_closed(self);
    if (!PyArg_ParseTuple(args, "O!(O!OO!):_add_sink", &PyLong_Type, &key, &PyList_Type, &cell,
                          &tell, &PyLong_Type, &thread))
        return nullptr;
    if (PyList_GET_SIZE(cell) != 1) return PyErr_Format(PyExc_ValueError, "not a list of one item");
    if (pt_closure_object_add_sink(closure, key, PyTuple_GET_ITEM(args, 1))) return nullptr;
    Py_RETURN_NONE;
}

static PyObject *closure_drop_sink(PyObject *self, PyObject *key) {
    pt_closure_object_drop_sink(as_closure(self), key);
    Py_RETURN_NONE;
}

static PyObject *closure_settle(PyObject *self, PyObject *) {
    pt_closure_object_settle(as_closure(self));
    Py_RETURN_NONE;
}

/* feed(exception) -> whether a sink took it. */
static PyObject *closure_feed(PyObject *self, PyObject *exception) {
    return PyBool_FromLong(pt_closure_object_feed(as_closure(self), exception));
}

/* ---- Lifetime ---- */

static int closure_traverse(PyObject *self, visitproc visit, void *arg) {
    Object *closure = as_closure(self);
    pt_closure_object_visited(closure, arg);
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(closure->callable);
    Py_VISIT(closure->signature);
    if (closure->extras) {
        Py_VISIT(closure->extras->onerror);
        Py_VISIT(closure->extras->sinks);
        Py_VISIT(closure->extras->inner);
        Py_VISIT(closure->extras->kept);
        Py_VISIT(closure->extras->ndarray);
        Py_VISIT(closure->extras->dtypes);
    }
    return 0;
}

static void clear_extras(Object *closure) {
    if (!closure->extras) return;
    Py_CLEAR(closure->extras->onerror);
    Py_CLEAR(closure->extras->sinks);
    Py_CLEAR(closure->extras->inner);
    Py_CLEAR(closure->extras->kept);
    Py_CLEAR(closure->extras->ndarray);
    Py_CLEAR(closure->extras->dtypes);
}

static void closure_finalize(PyObject *self) {
    pt_closure_object_finalize(as_closure(self));
}

/* C may still call: the slot turns into a tombstone before anything is taken from under it. What a
 * call needs that is inside goes when the next collection comes. */
static int closure_clear(PyObject *self) {
    Object *closure = as_closure(self);
    pt_closure_object_close(closure, "garbage-collected");
    if (!pt_closure_object_is_held(closure)) clear_extras(closure);
    return 0;
}

/* A call that found the closure LIVE would bring it back to life: C is shut out before it may be
 * put off (below), and before any code runs that may call C, such as a weak reference's. */
static void closure_dealloc(PyObject *self) {
    Object *closure = as_closure(self);
    PyTypeObject *type = Py_TYPE(self);
    pt_closure_object_shut(closure);
    if (pt_closure_object_revive(closure)) return;
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self,
                      closure_dealloc) /* a closure may wrap a closure that wraps a closure ... */
        pt_closure_object_close(closure, "garbage-collected");
    if (closure->weakrefs) PyObject_ClearWeakRefs(self);
    clear_extras(closure);
    Py_XDECREF(closure->callable); /* of a closure that could not be opened */
    if (closure->extras) {
        PyMem_Free(closure->extras->error);
        PyMem_Free(closure->extras->result);
    }
    PyMem_Free(closure->extras);
    Py_XDECREF(closure->signature);
    Py_XDECREF(closure->name);
    Py_XDECREF(closure->made_in);
    PyObject_GC_Del(self);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

/* ---- The type ---- */

#define GETTER(name, function, doc) {name, function, nullptr, doc, nullptr}

static PyGetSetDef getters[] = {
    GETTER("address", get_address,
           "The C function pointer, an int. FreedCallbackError once the closure is closed."),
    GETTER("signature", get_signature, "The Signature."),
    GETTER("name", get_name, "The name for reports: as given, or the callable's __qualname__."),
    GETTER("closed", get_closed,
           "Whether close() was called or the with block left; also of a "
           "closure whose callable this one is."),
    GETTER("native", get_native,
           "Whether C calls the callable itself, which is a C function of this type: address is "
           "then its own, and close() cannot keep C from it, unless it is adopted."),
    GETTER("origin", get_origin, "Where the closure was made, 'file.py:12'."),
    GETTER("__wrapped__", get_wrapped, "The Python callable. FreedCallbackError once closed."),
    GETTER("_as_parameter_", get_as_parameter,
           "What ctypes passes for it: a function pointer of its signature's own types."),
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Object, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

static PyMethodDef methods[] = {
    {"close", closure_close, METH_NOARGS,
     "close($self, /)\n--\n\n"
     "Free the C function. Never waits: calls inside finish; later ones get the error value and "
     "are "
     "reported once as FreedCallbackError through sys.unraisablehook. Closing twice is no error. "
     "Any "
     "thread."},
    {"as_ctypes", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(closure_as_ctypes)),
     METH_VARARGS | METH_KEYWORDS,
     "as_ctypes($self, /, prototype=None)\n--\n\n"
     "A ctypes function pointer to this closure, which it keeps alive in arguments, fields, arrays "
     "and "
     "casts. The prototype is made from the signature unless given; TypeError for one of functions "
     "that C calls in another way. UnsupportedTypeError names the type that ctypes lacks."},
    {"as_cffi", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(closure_as_cffi)),
     METH_VARARGS | METH_KEYWORDS,
     "as_cffi($self, /, ffi, cdecl=None)\n--\n\n"
     "A cffi function pointer to this closure, which it keeps alive, of any FFI object. cdecl is a "
     "C type or a ctype object, by default the signature as text; cffi's errors for what is no "
     "type, TypeError for no function type, or one of functions that C calls in another way."},
    {"as_capsule", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(closure_as_capsule)),
     METH_VARARGS | METH_KEYWORDS,
     "as_capsule($self, /, signature=None)\n--\n\n"
     "A PyCapsule of the address, for scipy.LowLevelCallable; it keeps the closure alive. Its name "
     "is the type: as declared, without const, names and dimensions, unless signature spells it "
     "otherwise; TypeError when that is another type. C must not give it another name. The garbage "
     "collector does not look into it: where the callable refers to it, nothing is collected."},
    {"__enter__", closure_enter, METH_NOARGS, nullptr},
    {"__exit__", closure_exit, METH_VARARGS, nullptr},
    {"__bytes__", closure_refuse_bytes, METH_NOARGS, nullptr},
    {"__reduce__", closure_refuse_copy, METH_NOARGS, nullptr},
    {"__copy__", closure_refuse_copy, METH_NOARGS, nullptr},
    {"__deepcopy__", closure_refuse_copy, METH_O, nullptr},
    {"_add_sink", closure_add_sink, METH_VARARGS, nullptr},
    {"_drop_sink", closure_drop_sink, METH_O, nullptr},
    {"_settle", closure_settle, METH_NOARGS, nullptr},
    {"_feed", closure_feed, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

#define SLOT(id, function) {id, reinterpret_cast<void *>(function)}

static PyType_Slot slots[] = {
    SLOT(Py_tp_new, closure_new),
    SLOT(Py_tp_dealloc, closure_dealloc),
    SLOT(Py_tp_traverse, closure_traverse),
    SLOT(Py_tp_clear, closure_clear),
    SLOT(Py_tp_finalize, closure_finalize),
    SLOT(Py_tp_call, closure_call),
    SLOT(Py_tp_repr, closure_repr),
    SLOT(Py_nb_index, as_number),
    SLOT(Py_nb_int, as_number),
    SLOT(Py_tp_getset, getters),
    SLOT(Py_tp_members, members),
    SLOT(Py_tp_methods, methods),
    {Py_tp_doc, const_cast<char *>(
                    "A Python callable as a C function pointer. Made by pytramp.callback() or by "
                    "calling a Signature; lives as long as it is referenced, or until close(). "
                    "Compared by identity. C may call it from any thread; called in Python it is "
                    "the callable itself, and no value is converted.")},
    {0, nullptr},
};

static PyType_Spec spec = {"pytramp.Closure", sizeof(Object), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
                           slots};

int register_closure(PyObject *module) {
    return add_type(module, "Closure", pt_types_here()->closure,
                    [] { return PyType_FromSpec(&spec); });
}

} // namespace pytramp
