/* pytramp._core.Type: a C type, and what its values are in Python. A heap type: making one can fail
 * for want of memory, and each interpreter has its own. */
#include "pybind.h"

#include <algorithm>
#include <structmember.h>
#include <vector>

namespace pytramp {

using Object = pt_type_object;

static Object *as_type(PyObject *self) {
    return reinterpret_cast<Object *>(self);
}

const Object &type_in(const py::handle &object) {
    if (!PyObject_TypeCheck(object.ptr(), pt_types_here()->type))
        throw py::type_error("a Type is needed, not " +
                             std::string(Py_TYPE(object.ptr())->tp_name));
    return *as_type(object.ptr());
}

std::string spelling_of(const Object &type) {
    return type.crossing.spelling;
}

/* ---- Making them ---- */

template <class T = py::object>
static T held(PyObject *object) {
    return py::reinterpret_borrow<T>(object);
}

/* What a Type is made of; whoever makes one says only what it has. */
struct Parts {
    const pytramp_type *c;
    py::str spelling;
    pt_way way = PT_WAY_VALUE;
    py::object ctype = py::none(), target = py::none(), from_c = py::none(), to_c = py::none(),
               dimensions = py::tuple(), signature = py::none();
    Py_ssize_t name_at = -1;
    bool readonly = false;
    bool has_code = false; /* an aggregate with function pointers */
};

static PyObject *or_null(PyObject *object) {
    return object == Py_None ? nullptr : object;
}

/* The crossing borrows the objects, which are in place. */
static void open(Object *made, pt_way way) {
    pt_crossing &crossing = made->crossing;
    crossing.ctype = or_null(made->ctype);
    crossing.from_c = or_null(made->from_c);
    crossing.to_c = or_null(made->to_c);
    crossing.target = or_null(made->target);
    crossing.item = crossing.target ? pt_crossing_of(crossing.target) : nullptr;
    pt_crossing_open(&crossing, way);
}

static py::object make(Parts parts) {
    const char *spelling = PyUnicode_AsUTF8(parts.spelling.ptr());
    if (!spelling) throw py::error_already_set();
    PyTypeObject *type = pt_types_here()->type;
    py::object self = py::reinterpret_steal<py::object>(type->tp_alloc(type, 0));
    if (!self) throw py::error_already_set();
    Object *made = as_type(self.ptr());
    made->crossing.type = parts.c;
    made->crossing.readonly = parts.readonly;
    made->crossing.kept = parts.has_code || !parts.signature.is_none();
    made->crossing.spelling = spelling; /* lives as long as the str */
    made->spelling = parts.spelling.release().ptr();
    made->ctype = parts.ctype.release().ptr();
    made->target = parts.target.release().ptr();
    made->from_c = parts.from_c.release().ptr();
    made->to_c = parts.to_c.release().ptr();
    made->dimensions = parts.dimensions.release().ptr();
    made->signature = parts.signature.release().ptr();
    made->name_at = parts.name_at;
    open(made, parts.way);
    return self;
}

static const pytramp_type *named(const std::string &spelling) {
    const pytramp_type *type = pytramp_type_named(spelling.c_str());
    if (type) return type;
    PyErr_Format(unsupported(), "no scalar C type is spelled '%s'", spelling.c_str());
    throw py::error_already_set();
}

static py::object scalar(const py::str &spelling) {
    return make({named(spelling), spelling});
}

static py::object bits(Py_ssize_t n) {
    const pytramp_type *type = n < 0 ? nullptr : pytramp_type_bits(static_cast<size_t>(n));
    if (!type) throw py::value_error("a bit-field lies in 1 to 16 bytes");
    return make({type, pytramp_type_spelling(type)});
}

static py::object alias(const py::str &spelling, const py::object &of) {
    const Object &base = type_in(of);
    Parts parts{base.crossing.type, spelling, base.crossing.way};
    parts.ctype = held(base.ctype);
    parts.target = held(base.target);
    parts.from_c = held(base.from_c);
    parts.to_c = held(base.to_c);
    parts.dimensions = held(base.dimensions);
    parts.signature = held(base.signature);
    parts.readonly = base.crossing.readonly != 0;
    parts.has_code = base.crossing.kept != 0;
    return make(std::move(parts));
}

static py::object opaque(const py::str &spelling) {
    return make({&pytramp_type_void, spelling, PT_WAY_OPAQUE});
}

static py::object pointer(const py::str &spelling, const py::object &target, bool readonly,
                          Py_ssize_t name_at) {
    Parts parts{&pytramp_type_pointer, spelling};
    parts.readonly = readonly;
    parts.name_at = name_at;
    if (!target.is_none()) {
        type_in(target);
        parts.way = PT_WAY_POINTER;
        parts.target = target;
    }
    return make(std::move(parts));
}

static void refuse_dimensions(const Object &item, const std::string &spelling, size_t n) {
    const pt_crossing &crossing = item.crossing;
    bool is_scalar = crossing.code != PT_CODE_NONE && !crossing.item && !crossing.ctype;
    if (!n || n > 8)
        PyErr_Format(unsupported(), "'%s' has %zu dimensions: one to eight are supported",
                     spelling.c_str(), n);
    else if (crossing.way == PT_WAY_OPAQUE || crossing.way == PT_WAY_ARRAY)
        PyErr_Format(unsupported(), "'%s': an array holds values of a known size",
                     spelling.c_str());
    else if (n > 1 && !is_scalar)
        PyErr_Format(unsupported(),
                     "'%s': an array of more than one dimension holds numbers only; declare a "
                     "pointer to a row, '(*name)[n]'",
                     spelling.c_str());
    else
        return;
    throw py::error_already_set();
}

static py::object array(const py::str &spelling, const py::object &element,
                        const py::tuple &dimensions, bool readonly, Py_ssize_t name_at) {
    refuse_dimensions(type_in(element), spelling, dimensions.size());
    Parts parts{&pytramp_type_pointer, spelling, PT_WAY_ARRAY};
    parts.readonly = readonly;
    parts.name_at = name_at;
    parts.target = element;
    parts.dimensions = dimensions;
    return make(std::move(parts));
}

static pytramp_member member_of(const py::handle &item) {
    py::tuple fields = py::reinterpret_borrow<py::tuple>(item);
    return {type_in(fields[0]).crossing.type, fields[1].cast<size_t>(), fields[2].cast<size_t>()};
}

static const pytramp_type *lay_out(pytramp_layout layout, const py::list &members) {
    std::vector<pytramp_member> all;
    for (py::handle item : members)
        all.push_back(member_of(item));
    const pytramp_type *type;
    layout.struct_size = sizeof layout;
    layout.nmembers = all.size();
    layout.members = all.data();
    pytramp_status status = pytramp_type_layout_ex(&type, &layout);
    if (status) throw_status(status);
    return type;
}

static py::object aggregate(const py::object &ctype, const py::str &spelling,
                            const pytramp_layout &layout, const py::list &members, bool has_code) {
    Parts parts{lay_out(layout, members), spelling};
    parts.has_code = has_code;
    parts.from_c = ctype.attr("from_buffer_copy");
    parts.ctype = ctype;
    return make(std::move(parts));
}

static py::object custom(const py::str &spelling, const py::object &base, const py::object &ctype,
                         const py::object &load, const py::object &store,
                         const py::object &signature, Py_ssize_t name_at) {
    Parts parts{type_in(base).crossing.type, spelling, PT_WAY_CUSTOM};
    parts.ctype = ctype;
    parts.from_c = load;
    parts.to_c = store;
    parts.signature = signature;
    parts.name_at = name_at;
    return make(std::move(parts));
}

/* ---- The makers as static methods ----
 *
 * Not pybind11's functions: those compare keywords with names that they could not make when there
 * is no memory. */

template <class... Places>
static void parse(PyObject *args, PyObject *kwargs, const char *format, const char *const *names,
                  Places... places) {
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, const_cast<char **>(names), places...))
        throw py::error_already_set();
}

static PyObject *make_scalar(PyObject *, PyObject *args, PyObject *kwargs) {
    static const char *const names[] = {"spelling", nullptr};
    return guarded([&] {
        PyObject *spelling;
        parse(args, kwargs, "U:scalar", names, &spelling);
        return scalar(held<py::str>(spelling));
    });
}

static PyObject *make_bits(PyObject *, PyObject *args, PyObject *kwargs) {
    static const char *const names[] = {"n", nullptr};
    return guarded([&] {
        Py_ssize_t n;
        parse(args, kwargs, "n:bits", names, &n);
        return bits(n);
    });
}

static PyObject *make_alias(PyObject *, PyObject *args, PyObject *kwargs) {
    static const char *const names[] = {"spelling", "base", nullptr};
    return guarded([&] {
        PyObject *spelling, *base;
        parse(args, kwargs, "UO:alias", names, &spelling, &base);
        return alias(held<py::str>(spelling), held(base));
    });
}

static PyObject *make_opaque(PyObject *, PyObject *args, PyObject *kwargs) {
    static const char *const names[] = {"spelling", nullptr};
    return guarded([&] {
        PyObject *spelling;
        parse(args, kwargs, "U:opaque", names, &spelling);
        return opaque(held<py::str>(spelling));
    });
}

static PyObject *make_pointer(PyObject *, PyObject *args, PyObject *kwargs) {
    static const char *const names[] = {"spelling", "target", "readonly", "name_at", nullptr};
    return guarded([&] {
        PyObject *spelling, *target = Py_None;
        int readonly = 0;
        Py_ssize_t name_at = -1;
        parse(args, kwargs, "U|Opn:pointer", names, &spelling, &target, &readonly, &name_at);
        return pointer(held<py::str>(spelling), held(target), readonly != 0, name_at);
    });
}

static PyObject *make_array(PyObject *, PyObject *args, PyObject *kwargs) {
    static const char *const names[] = {"spelling", "element", "dimensions",
                                        "readonly", "name_at", nullptr};
    return guarded([&] {
        PyObject *spelling, *element, *dimensions;
        int readonly;
        Py_ssize_t name_at;
        parse(args, kwargs, "UOO!pn:array", names, &spelling, &element, &PyTuple_Type, &dimensions,
              &readonly, &name_at);
        return array(held<py::str>(spelling), held(element), held<py::tuple>(dimensions),
                     readonly != 0, name_at);
    });
}

static PyObject *make_aggregate(PyObject *, PyObject *args, PyObject *kwargs) {
    static const char *const names[] = {"cls",      "spelling", "size",     "alignment", "members",
                                        "is_union", "natural",  "has_code", nullptr};
    return guarded([&] {
        PyObject *cls, *spelling, *members;
        Py_ssize_t size, alignment, natural = 0;
        int has_code = 0;
        pytramp_layout layout{};
        parse(args, kwargs, "OUnnO!p|np:aggregate", names, &cls, &spelling, &size, &alignment,
              &PyList_Type, &members, &layout.is_union, &natural, &has_code);
        layout.size = static_cast<size_t>(size);
        layout.alignment = static_cast<size_t>(alignment);
        layout.natural = static_cast<size_t>(natural);
        return aggregate(held(cls), held<py::str>(spelling), layout, held<py::list>(members),
                         has_code != 0);
    });
}

static PyObject *make_custom(PyObject *, PyObject *args, PyObject *kwargs) {
    static const char *const names[] = {"spelling", "base",      "ctype",   "load",
                                        "store",    "signature", "name_at", nullptr};
    return guarded([&] {
        PyObject *spelling, *base, *ctype, *load, *store, *signature = Py_None;
        Py_ssize_t name_at = -1;
        parse(args, kwargs, "UOOOO|On:custom", names, &spelling, &base, &ctype, &load, &store,
              &signature, &name_at);
        return custom(held<py::str>(spelling), held(base), held(ctype), held(load), held(store),
                      held(signature), name_at);
    });
}

static PyObject *make_object(PyObject *, PyObject *) {
    return guarded([] { return make({&pytramp_type_pointer, "PyObject *", PT_WAY_OBJECT}); });
}

static PyObject *make_va_list(PyObject *, PyObject *) {
    return guarded([] { return make({pt_va_list_type(), "va_list", PT_WAY_LIST}); });
}

/* ---- Looking at them ---- */

static const char *kind_of(const Object &type) {
    switch (type.crossing.way) {
    case PT_WAY_VALUE:
        return type.crossing.ctype                           ? "aggregate"
               : type.crossing.type == &pytramp_type_void    ? "void"
               : type.crossing.type == &pytramp_type_pointer ? "pointer"
                                                             : "scalar";
    case PT_WAY_POINTER: return "pointer";
    case PT_WAY_ARRAY: return "array";
    case PT_WAY_CUSTOM: return "custom";
    case PT_WAY_OBJECT: return "object";
    case PT_WAY_LIST: return "va_list";
    default: return "opaque";
    }
}

std::string declared(const Object &type, const std::string &name) {
    std::string text = spelling_of(type);
    if (type.name_at >= 0)
        return text.insert(std::min(static_cast<size_t>(type.name_at), text.size()), name);
    return text + (text.back() == '*' ? "" : " ") + name;
}

static bool same(PyObject *a, PyObject *b) {
    return py::handle(a).equal(py::handle(b));
}

bool equal(const Object &a, const Object &b) {
    const pt_crossing &left = a.crossing, &right = b.crossing;
    if (&a == &b) return true;
    return left.type == right.type && left.way == right.way && left.readonly == right.readonly &&
           a.ctype == b.ctype && same(a.target, b.target) && same(a.dimensions, b.dimensions) &&
           same(a.signature, b.signature) &&
           (left.way != PT_WAY_OPAQUE || same(a.spelling, b.spelling));
}

static PyObject *type_compare(PyObject *a, PyObject *b, int op) {
    if ((op != Py_EQ && op != Py_NE) || !Py_IS_TYPE(b, Py_TYPE(a))) Py_RETURN_NOTIMPLEMENTED;
    return guarded([&] { return py::bool_(equal(*as_type(a), *as_type(b)) == (op == Py_EQ)); });
}

static Py_hash_t type_hash(PyObject *self) {
    const Object *type = as_type(self);
    Py_hash_t of_class = PyObject_Hash(type->ctype);
    if (of_class == -1) return -1;
    Py_hash_t made = static_cast<Py_hash_t>(reinterpret_cast<uintptr_t>(type->crossing.type)) ^
                     of_class ^ static_cast<Py_hash_t>(type->crossing.way);
    return made == -1 ? -2 : made;
}

static PyObject *type_repr(PyObject *self) {
    return PyUnicode_FromFormat("<pytramp C type '%U'>", as_type(self)->spelling);
}

static PyObject *get_kind(PyObject *self, void *) {
    return PyUnicode_FromString(kind_of(*as_type(self)));
}

static PyObject *get_readonly(PyObject *self, void *) {
    return PyBool_FromLong(as_type(self)->crossing.readonly);
}

static PyObject *get_size(PyObject *self, void *) {
    return PyLong_FromSize_t(pytramp_type_size(as_type(self)->crossing.type));
}

static PyObject *get_alignment(PyObject *self, void *) {
    return PyLong_FromSize_t(pytramp_type_alignment(as_type(self)->crossing.type));
}

static PyObject *get_canonical(PyObject *self, void *) {
    return PyUnicode_FromString(pytramp_type_spelling(as_type(self)->crossing.type));
}

static PyObject *type_declared(PyObject *self, PyObject *name) {
    if (!PyUnicode_Check(name))
        return PyErr_Format(PyExc_TypeError, "name must be a str, not %s", Py_TYPE(name)->tp_name);
    const char *text = PyUnicode_AsUTF8(name);
    return text ? guarded([&] { return py::str(declared(*as_type(self), text)); }) : nullptr;
}

/* ---- The type ---- */

static PyObject *type_new(PyTypeObject *, PyObject *, PyObject *) {
    PyErr_SetString(PyExc_TypeError, "declarations and annotations make Types");
    return nullptr;
}

static int type_traverse(PyObject *self, visitproc visit, void *arg) {
    const Object *type = as_type(self);
    Py_VISIT(Py_TYPE(self));
    for (PyObject *held :
         {type->ctype, type->target, type->from_c, type->to_c, type->dimensions, type->signature})
        Py_VISIT(held);
    return 0;
}

static void type_dealloc(PyObject *self) {
    Object *type = as_type(self);
    PyTypeObject *cls = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (type->weakrefs) PyObject_ClearWeakRefs(self);
    for (PyObject *held : {type->spelling, type->ctype, type->target, type->from_c, type->to_c,
                           type->dimensions, type->signature})
        Py_XDECREF(held);
    cls->tp_free(self);
    Py_DECREF(cls);
}

#define GETTER(name, function, doc) {name, function, nullptr, doc, nullptr}

static PyGetSetDef getters[] = {
    GETTER("kind", get_kind, "'scalar', 'aggregate', 'pointer', 'array' ..."),
    GETTER("readonly", get_readonly, "Whether what it points at is const."),
    GETTER("size", get_size, "In bytes."),
    GETTER("alignment", get_alignment, "In bytes."),
    GETTER("canonical", get_canonical, "The spelling of the scalar behind an alias."),
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

#define MEMBER(name, doc) {#name, T_OBJECT, offsetof(Object, name), READONLY, doc}

static PyMemberDef members[] = {
    MEMBER(spelling, "As it was declared."),
    MEMBER(ctype, "The ctypes class of an aggregate, or None."),
    MEMBER(target, "The Type of a pointer's or an array's items, or None."),
    MEMBER(dimensions, "A postfix program for each dimension of an array."),
    MEMBER(signature, "The Signature of a pointer to a function, or None."),
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Object, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

#define MAKER(name)                                                                                \
    {#name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(make_##name)),              \
     METH_VARARGS | METH_KEYWORDS | METH_STATIC, nullptr}

static PyMethodDef methods[] = {
    MAKER(scalar),
    MAKER(bits),
    MAKER(alias),
    MAKER(opaque),
    MAKER(pointer),
    MAKER(array),
    MAKER(aggregate),
    MAKER(custom),
    {"object", make_object, METH_NOARGS | METH_STATIC, nullptr},
    {"va_list", make_va_list, METH_NOARGS | METH_STATIC, nullptr},
    {"declared", type_declared, METH_O,
     "declared($self, name, /)\n--\n\nThe declaration of a variable of that name."},
    {nullptr, nullptr, 0, nullptr},
};

#define SLOT(id, function) {id, reinterpret_cast<void *>(function)}

static PyType_Slot slots[] = {
    SLOT(Py_tp_new, type_new),
    SLOT(Py_tp_dealloc, type_dealloc),
    SLOT(Py_tp_traverse, type_traverse),
    SLOT(Py_tp_repr, type_repr),
    SLOT(Py_tp_richcompare, type_compare),
    SLOT(Py_tp_hash, type_hash),
    SLOT(Py_tp_getset, getters),
    SLOT(Py_tp_members, members),
    SLOT(Py_tp_methods, methods),
    {Py_tp_doc, const_cast<char *>("A C type as a signature holds it; immutable.")},
    {0, nullptr},
};

static PyType_Spec spec = {"pytramp._core.Type", sizeof(Object), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
                           slots};

int register_type(PyObject *module) {
    PyObject *mark = PyLong_FromSize_t(PYTRAMP_ARRAY_OF_ONE);
    if (add_new(module, "ARRAY_OF_ONE", mark)) return -1;
    return add_type(module, "Type", pt_types_here()->type, [] { return PyType_FromSpec(&spec); });
}

} // namespace pytramp
