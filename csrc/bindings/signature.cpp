/* pytramp.Signature: a heap type, because calling one makes a closure and has to be quick. */
#include "pybind.h"

#include <cstring>
#include <structmember.h>
#include <vector>

namespace pytramp {

using Object = pt_signature_object;

static Object *as_signature(PyObject *self) {
    return reinterpret_cast<Object *>(self);
}

/* ---- Making one ---- */

static void take_argument(Object *made, const pt_type_object &type) {
    made->takes[made->nargs++] = type.crossing;
    if (type.crossing.way == PT_WAY_OPAQUE) {
        PyErr_Format(unsupported(), "'%s' by value: nothing is known of it",
                     type.crossing.spelling);
        throw py::error_already_set();
    }
}

static py::tuple dimensions_of(const py::handle &type) {
    return py::reinterpret_borrow<py::tuple>(type_in(type).dimensions);
}

/* The programs of the arrays' dimensions: they need to know all parameters. */
static void take_shapes(Object *made) {
    made->shapes = static_cast<pt_shape **>(
        PyMem_Calloc(static_cast<size_t>(made->nargs) + 1, sizeof(void *)));
    if (!made->shapes) throw std::bad_alloc();
    for (Py_ssize_t i = 0; i < made->nargs; i++) {
        for (py::handle program : dimensions_of(PyTuple_GET_ITEM(made->arguments, i))) {
            if (pt_shape_add(&made->shapes[i], program.ptr(), made->names, made->takes))
                throw py::error_already_set();
        }
    }
}

static void check_result(const pt_type_object &type) {
    if (type.crossing.way == PT_WAY_ARRAY || type.crossing.way == PT_WAY_LIST ||
        type.crossing.way == PT_WAY_OPAQUE) {
        PyErr_Format(unsupported(), "result: '%s' cannot be returned", type.crossing.spelling);
        throw py::error_already_set();
    }
}

/* Alone a type that is refused among others is refused, too. */
static bool is_refused(const pytramp_type *type, pytramp_abi abi) {
    const pytramp_signature *made;
    return pytramp_signature_new(&made, abi, &pytramp_type_void, 1, &type) != PYTRAMP_OK;
}

/* Of a signature that the core refused. */
[[noreturn]] static void refuse_type(const Object *made) {
    for (Py_ssize_t i = 0; i < made->nargs; i++) {
        const pytramp_type *type = made->takes[i].type;
        if (!is_refused(type, PYTRAMP_ABI_DEFAULT)) continue;
        PyErr_Format(unsupported(),
                     "argument %zd: '%s' cannot be passed by value here: it is aligned to %zu "
                     "bytes",
                     i + 1, made->takes[i].spelling, pytramp_type_alignment(type));
        throw py::error_already_set();
    }
    PyErr_Format(unsupported(), "result: '%s' cannot be returned", made->returns.spelling);
    throw py::error_already_set();
}

/* Takes what pytramp.declare and pytramp.annotations call a Prototype, apart. */
static py::object build(PyTypeObject *cls, py::object result, py::tuple arguments, py::tuple names,
                        py::object name, bool variadic = false) {
    if (names.size() != arguments.size()) throw py::value_error("one name or None per argument");
    py::object self = py::reinterpret_steal<py::object>(cls->tp_alloc(cls, 0));
    if (!self) throw py::error_already_set();
    Object *made = as_signature(self.ptr());
    check_result(type_in(result));
    made->returns = type_in(result).crossing;
    made->variadic = variadic;
    made->takes =
        static_cast<pt_crossing *>(PyMem_Calloc(arguments.size() + 1, sizeof(pt_crossing)));
    if (!made->takes) throw std::bad_alloc();
    for (py::handle argument : arguments)
        take_argument(made, type_in(argument));
    made->result = result.release().ptr();
    made->arguments = arguments.release().ptr();
    made->names = names.release().ptr();
    made->name = name.release().ptr();
    take_shapes(made);
    pytramp_status status = pt_signature_object_open(made);
    if (status == PYTRAMP_E_TYPE) refuse_type(made);
    if (status) throw_status(status);
    return self;
}

static py::object build_prototype(PyTypeObject *cls, const py::object &prototype) {
    return build(cls, prototype.attr("result"), py::tuple(prototype.attr("arguments")),
                 py::tuple(prototype.attr("names")), prototype.attr("name"),
                 prototype.attr("variadic").cast<bool>());
}

static PyObject *signature_new(PyTypeObject *cls, PyObject *args, PyObject *kwargs) {
    static const char *names[] = {"specification", "types", nullptr};
    PyObject *specification, *types = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$O:Signature", const_cast<char **>(names),
                                     &specification, &types))
        return nullptr;
    return guarded([&] {
        py::object read = py::module_::import("pytramp._specification").attr("prototype_of");
        return build_prototype(cls, read(py::handle(specification), py::handle(types)));
    });
}

static py::object to_type(const py::handle &specification, const std::string &where,
                          const py::handle &names) {
    return py::module_::import("pytramp.annotations").attr("to_type")(specification, where, names);
}

static PyObject *from_types(PyObject *cls, PyObject *args, PyObject *kwargs) {
    static const char *keywords[] = {"types", nullptr};
    PyObject *header = Py_None;
    return guarded([&] {
        if (!PyArg_ParseTupleAndKeywords(py::tuple().ptr(), kwargs, "|$O:from_types",
                                         const_cast<char **>(keywords), &header))
            throw py::error_already_set();
        py::tuple specifications = py::reinterpret_borrow<py::tuple>(args);
        if (specifications.empty())
            throw py::type_error("from_types() needs at least a result type");
        py::list types, names;
        py::object result = to_type(specifications[0], "result", header);
        for (size_t i = 1; i < specifications.size(); i++) {
            types.append(to_type(specifications[i], "argument " + std::to_string(i), header));
            names.append(py::none());
        }
        return build(reinterpret_cast<PyTypeObject *>(cls), result, py::tuple(types),
                     py::tuple(names), py::none());
    });
}

static PyObject *from_prototype(PyObject *cls, PyObject *prototype) {
    return guarded([&] {
        return build_prototype(reinterpret_cast<PyTypeObject *>(cls),
                               py::reinterpret_borrow<py::object>(prototype));
    });
}

/* ---- Calling one: a closure ---- */

static int is_name(PyObject *name, const char *wanted) {
    return PyUnicode_CompareWithASCIIString(name, wanted) == 0;
}

static int take_option(Options &options, PyObject *name, PyObject *value) {
    if (is_name(name, "error")) {
        options.error = value;
    } else if (is_name(name, "onerror")) {
        options.onerror = value;
    } else if (is_name(name, "name")) {
        options.name = value;
    } else if (is_name(name, "arrays")) {
        options.arrays = value;
    } else if (is_name(name, "loop")) {
        options.loop = value;
    } else if (is_name(name, "result")) {
        options.result = value;
    } else if (is_name(name, "_wrapped")) {
        options.wrapped = value;
    } else if (is_name(name, "immortal")) {
        int truth = PyObject_IsTrue(value);
        options.immortal = truth == 1;
        return truth < 0 ? -1 : 0;
    } else if (is_name(name, "_manner")) {
        long manner = PyLong_AsLong(value);
        options.manner = manner == PT_MANNER_CTYPES ? PT_MANNER_CTYPES
                         : manner == PT_MANNER_CFFI ? PT_MANNER_CFFI
                                                    : PT_MANNER_OWN;
        return PyErr_Occurred() ? -1 : 0;
    } else if (is_name(name, "_depth")) {
        options.depth = static_cast<int>(PyLong_AsLong(value));
        return PyErr_Occurred() ? -1 : 0;
    } else {
        PyErr_Format(PyExc_TypeError, "Signature() got an unexpected keyword argument '%U'", name);
        return -1;
    }
    return 0;
}

/* loop= is Python's work: it calls this signature again with a callable of its own. */
static PyObject *make_scheduled(PyObject *self, PyObject *const *args, size_t nargsf,
                                PyObject *names) {
    PyObject *make = pt_imported("pytramp._loop", "scheduled");
    PyObject *bound = make ? PyMethod_New(make, self) : nullptr;
    PyObject *made = bound ? PyObject_Vectorcall(bound, args, nargsf, names) : nullptr;
    Py_XDECREF(bound);
    Py_XDECREF(make);
    return made;
}

/* Who writes types.abs(-3) takes the type of a function for the function. */
static PyObject *refuse_to_call(PyObject *given) {
    return PyErr_Format(PyExc_TypeError,
                        "a callback must be callable, not %.200s: a Signature is a function's type "
                        "and makes callbacks; functions of C are called by ctypes or cffi",
                        Py_TYPE(given)->tp_name);
}

static PyObject *signature_call(PyObject *self, PyObject *const *args, size_t nargsf,
                                PyObject *names) {
    if (PyVectorcall_NARGS(nargsf) != 1) {
        PyErr_SetString(PyExc_TypeError, "a Signature takes one positional argument, the callable: "
                                         "it is a function's type, and calls no function of C's");
        return nullptr;
    }
    Options options;
    Py_ssize_t n = names ? PyTuple_GET_SIZE(names) : 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (take_option(options, PyTuple_GET_ITEM(names, i), args[1 + i])) return nullptr;
    }
    if (!options.depth && !PyCallable_Check(args[0])) return refuse_to_call(args[0]);
    if (is_given(options.loop)) return make_scheduled(self, args, nargsf, names);
    if (is_given(options.result) && !options.wrapped) {
        PyErr_SetString(PyExc_TypeError, "result= goes with loop=: without it, C gets what the "
                                         "callable returns");
        return nullptr;
    }
    return make_closure(as_signature(self), args[0], options);
}

/* ---- Looking at one ---- */

/* Is parameter i in the length of an array? Then its name is part of the type. */
static bool is_length(const Object *self, Py_ssize_t i) {
    py::handle name = PyTuple_GET_ITEM(self->names, i);
    for (py::handle argument : py::handle(self->arguments)) {
        for (py::handle program : dimensions_of(argument)) {
            for (py::handle token : program)
                if (!name.is_none() && token.equal(name)) return true;
        }
    }
    return false;
}

static std::string parameter_text(const Object *self, Py_ssize_t i) {
    const pt_type_object &type = type_in(PyTuple_GET_ITEM(self->arguments, i));
    if (!is_length(self, i)) return spelling_of(type);
    return declared(type, py::handle(PyTuple_GET_ITEM(self->names, i)).cast<std::string>());
}

static std::string text_of(const Object *self) {
    std::string text = "(";
    for (Py_ssize_t i = 0; i < self->nargs; i++)
        text += (i ? ", " : "") + parameter_text(self, i);
    text += self->variadic ? ", ...)" : self->nargs ? ")" : "void)";
    return declared(type_in(self->result), text);
}

static PyObject *signature_str(PyObject *self) {
    return guarded([&] { return py::str(text_of(as_signature(self))); });
}

static PyObject *signature_repr(PyObject *self) {
    return guarded([&] { return py::str("Signature('" + text_of(as_signature(self)) + "')"); });
}

/* Lengths are compared by what they compute, not by the names of the parameters. */
static bool same(const Object *a, const Object *b) {
    if (a->c != b->c || !equal(type_in(a->result), type_in(b->result))) return false;
    for (Py_ssize_t i = 0; i < a->nargs; i++) {
        if (!equal(type_in(PyTuple_GET_ITEM(a->arguments, i)),
                   type_in(PyTuple_GET_ITEM(b->arguments, i))))
            return false;
    }
    return true;
}

static PyObject *signature_compare(PyObject *a, PyObject *b, int op) {
    if ((op != Py_EQ && op != Py_NE) || !Py_IS_TYPE(b, Py_TYPE(a))) Py_RETURN_NOTIMPLEMENTED;
    return PyBool_FromLong(same(as_signature(a), as_signature(b)) == (op == Py_EQ));
}

static Py_hash_t signature_hash(PyObject *self) {
    return static_cast<Py_hash_t>(reinterpret_cast<uintptr_t>(as_signature(self)->c) >> 4);
}

static py::tuple places_of(const pytramp_signature *signature, size_t i) {
    pytramp_place places[PYTRAMP_MAX_PLACES];
    size_t n;
    int by_reference;
    pytramp_status status = pytramp_signature_explain(signature, i, places, &n, &by_reference);
    if (status) throw_status(status);
    py::list made;
    for (size_t k = 0; k < n; k++)
        made.append(
            py::make_tuple(places[k].name, places[k].offset, places[k].size, places[k].stack));
    return py::make_tuple(made, by_reference != 0);
}

static pytramp_abi abi_named(PyObject *name) {
    if (!PyUnicode_Check(name)) {
        PyErr_Format(PyExc_TypeError, "abi must be a str or None, not %s", Py_TYPE(name)->tp_name);
        throw py::error_already_set();
    }
    pytramp_abi abi;
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(name, &size);
    if (!text) PyErr_Clear();
    bool is_whole = text && strlen(text) == static_cast<size_t>(size);
    if (is_whole && !pytramp_abi_named(&abi, text)) return abi;
    std::string known;
    for (size_t i = 0; pytramp_abi_name(i); i++)
        known += (i ? ", " : "") + std::string(pytramp_abi_name(i));
    PyErr_Format(PyExc_ValueError, "no calling convention is called %R; there are: %s", name,
                 known.c_str());
    throw py::error_already_set();
}

[[noreturn]] static void refuse(const std::string &which, const pt_crossing &value,
                                const std::string &abi) {
    PyErr_Format(unsupported(),
                 "%s: the convention '%s' has no '%s', or its layout there is not known "
                 "(bit-fields, attributes)",
                 which.c_str(), abi.c_str(), value.spelling);
    throw py::error_already_set();
}

/* Blames a type: of what was made, one that is a guess; where nothing was, the one in the way. */
static void check_types(const Object *self, const pytramp_signature *made, pytramp_abi abi,
                        const std::string &name) {
    for (Py_ssize_t i = 0; i < self->nargs; i++) {
        const pytramp_type *type = self->takes[i].type;
        if (made ? pt_is_a_guess(made, type) : is_refused(type, abi))
            refuse("argument " + std::to_string(i + 1), self->takes[i], name);
    }
    if (!made || pt_is_a_guess(made, self->returns.type)) refuse("result", self->returns, name);
}

static const pytramp_signature *under_abi(const Object *self, PyObject *name) {
    pytramp_abi abi = abi_named(name);
    std::vector<const pytramp_type *> types;
    for (Py_ssize_t i = 0; i < self->nargs; i++)
        types.push_back(self->takes[i].type);
    const pytramp_signature *made = nullptr;
    auto make = self->variadic ? pytramp_signature_new_variadic : pytramp_signature_new;
    pytramp_status status = make(&made, abi, self->returns.type, types.size(), types.data());
    if (status && status != PYTRAMP_E_TYPE) throw_status(status);
    check_types(self, made, abi, py::handle(name).cast<std::string>());
    return made;
}

/* [(places, by_reference)] for the result and then each argument; a place is (name, offset, size,
 * stack). pytramp._explain makes it readable. */
static PyObject *signature_places(PyObject *self, PyObject *abi) {
    return guarded([&] {
        const Object *object = as_signature(self);
        const pytramp_signature *c = under_abi(object, abi);
        py::list made;
        made.append(places_of(c, PYTRAMP_RESULT));
        for (Py_ssize_t i = 0; i < object->nargs; i++)
            made.append(places_of(c, static_cast<size_t>(i)));
        return made;
    });
}

static PyObject *signature_explain(PyObject *self, PyObject *args, PyObject *kwargs) {
    static const char *names[] = {"abi", nullptr};
    PyObject *abi = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:explain", const_cast<char **>(names), &abi))
        return nullptr;
    return guarded([&] {
        return py::module_::import("pytramp._explain")
            .attr("explain")(py::handle(self), py::handle(abi));
    });
}

static PyObject *signature_reduce(PyObject *self, PyObject *) {
    PyErr_Format(PyExc_TypeError, "cannot pickle %R", self);
    return nullptr;
}

static PyObject *same_object(PyObject *self, PyObject *) {
    return Py_NewRef(self);
}

/* ---- The type ---- */

static int signature_traverse(PyObject *self, visitproc visit, void *arg) {
    Object *object = as_signature(self);
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(object->result);
    Py_VISIT(object->arguments);
    if (object->parameter) Py_VISIT(object->parameter->cls);
    return 0;
}

static void signature_dealloc(PyObject *self) {
    Object *object = as_signature(self);
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (object->weakrefs) PyObject_ClearWeakRefs(self);
    for (Py_ssize_t i = 0; object->shapes && i < object->nargs; i++)
        pt_shape_free(object->shapes[i]);
    PyMem_Free(object->shapes);
    PyMem_Free(object->takes);
    Py_XDECREF(object->result);
    Py_XDECREF(object->arguments);
    Py_XDECREF(object->names);
    Py_XDECREF(object->name);
    drop_parameter(object->parameter);
    type->tp_free(self);
    Py_DECREF(type);
}

/* tp_alloc gives zeroed memory; the vectorcall slot is filled here, for build() and nobody else. */
static PyObject *signature_alloc(PyTypeObject *type, Py_ssize_t n) {
    PyObject *self = PyType_GenericAlloc(type, n);
    if (self) as_signature(self)->vectorcall = signature_call;
    return self;
}

#define MEMBER(name, field, doc) {name, T_OBJECT, offsetof(Object, field), READONLY, doc}

static PyMemberDef members[] = {
    MEMBER("result", result, "The result Type."),
    MEMBER("arguments", arguments, "A tuple of the arguments' Types."),
    MEMBER("names", names, "A tuple of the parameters' names; None where it has none."),
    MEMBER("name", name, "The declared function's name, or None."),
    {"variadic", T_BOOL, offsetof(Object, variadic), READONLY,
     "Whether '...' follows: the callable gets a VarArgs last."},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Object, vectorcall), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Object, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

static PyMethodDef methods[] = {
    {"from_types", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(from_types)),
     METH_VARARGS | METH_KEYWORDS | METH_CLASS,
     "from_types($type, result, /, *arguments, types=None)\n--\n\n"
     "A Signature from ctypes classes, pytramp.c aliases, C type names, or int, float, bool, "
     "complex and "
     "None. types: what C type names may use, from pytramp.cdef(). UnsupportedTypeError names the "
     "argument that pytramp cannot pass."},
    {"_from_prototype", from_prototype, METH_O | METH_CLASS, nullptr},
    {"_places", signature_places, METH_O, nullptr},
    {"explain", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(signature_explain)),
     METH_VARARGS | METH_KEYWORDS,
     "explain($self, /, abi=None)\n--\n\n"
     "Where each value lives under a calling convention, this machine's by default: a sequence of "
     "rows "
     "that prints as a table. ValueError for an unknown convention."},
    {"__reduce__", signature_reduce, METH_NOARGS, nullptr},
    {"__copy__", same_object, METH_NOARGS, nullptr},
    {"__deepcopy__", same_object, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

#define SLOT(id, function) {id, reinterpret_cast<void *>(function)}

static PyType_Slot slots[] = {
    SLOT(Py_tp_new, signature_new),
    SLOT(Py_tp_alloc, signature_alloc),
    SLOT(Py_tp_dealloc, signature_dealloc),
    SLOT(Py_tp_traverse, signature_traverse),
    SLOT(Py_tp_call, PyVectorcall_Call),
    SLOT(Py_tp_str, signature_str),
    SLOT(Py_tp_repr, signature_repr),
    SLOT(Py_tp_richcompare, signature_compare),
    SLOT(Py_tp_hash, signature_hash),
    SLOT(Py_tp_members, members),
    SLOT(Py_tp_methods, methods),
    {Py_tp_doc,
     const_cast<char *>(
         "Signature(specification, *, types=None)\n--\n\n"
         "The type of a C function: a declaration (with the names that types, from cdef, adds), a "
         "ctypes prototype or a cffi function type. Calling one with a Python callable makes a "
         "Closure of that "
         "type: signature(callable, *, error=None, onerror=None, name=None, arrays='memoryview', "
         "loop=None, result=None, immortal=False). "
         "Immutable; equal when both C types and ctypes classes are; safe in any thread. "
         "DeclarationError points at the fault in the declaration.")},
    {0, nullptr},
};

static PyType_Spec spec = {"pytramp.Signature", sizeof(Object), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                               Py_TPFLAGS_IMMUTABLETYPE,
                           slots};

int register_signature(PyObject *module) {
    return add_type(module, "Signature", pt_types_here()->signature,
                    [] { return PyType_FromSpec(&spec); });
}

} // namespace pytramp
