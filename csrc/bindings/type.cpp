/* pytramp._core.Type: a C type, and what its values are in Python. */
#include "bindings.h"

#include <vector>

namespace pytramp {

const Type &type_in(PyObject *object) {
    return py::handle(object).cast<const Type &>();
}

static const pt_crossing *crossing_of(PyObject *type) {
    return &type_in(type).crossing;
}

/* ---- Making them ---- */

static Type make(const pytramp_type *c, const std::string &spelling, Py_ssize_t name_at = -1) {
    Type made;
    made.crossing.type = c;
    made.set_spelling(spelling);
    made.name_at = name_at;
    return made;
}

/* After all objects are in place: the crossing borrows them. */
static Type open(Type type, pt_way way) {
    pt_crossing &crossing = type.crossing;
    crossing.ctype = type.ctype.is_none() ? nullptr : type.ctype.ptr();
    crossing.from_c = type.from_c.ptr();
    crossing.to_c = type.to_c.is_none() ? nullptr : type.to_c.ptr();
    crossing.target = type.target.is_none() ? nullptr : type.target.ptr();
    crossing.item = crossing.target ? crossing_of(crossing.target) : nullptr;
    crossing.kept = !type.signature.is_none();
    pt_crossing_open(&crossing, way);
    return type;
}

static const pytramp_type *named(const std::string &spelling) {
    const pytramp_type *type = pytramp_type_named(spelling.c_str());
    if (type) return type;
    PyErr_Format(UnsupportedTypeError, "no scalar C type is spelled '%s'", spelling.c_str());
    throw py::error_already_set();
}

static Type scalar(const std::string &spelling) {
    return open(make(named(spelling), spelling), PT_WAY_VALUE);
}

static Type alias(const std::string &spelling, const Type &base) {
    Type made = base;
    made.set_spelling(spelling);
    made.name_at = -1;
    return made;
}

static Type opaque(const std::string &spelling) {
    return open(make(&pytramp_type_void, spelling), PT_WAY_OPAQUE);
}

static Type pointer(const std::string &spelling, py::object target, bool readonly,
                    Py_ssize_t name_at) {
    Type made = make(&pytramp_type_pointer, spelling, name_at);
    made.crossing.readonly = readonly;
    if (target.is_none()) return open(std::move(made), PT_WAY_VALUE);
    target.cast<const Type &>();
    made.target = std::move(target);
    return open(std::move(made), PT_WAY_POINTER);
}

static void refuse_dimensions(const Type &item, const std::string &spelling, size_t n) {
    bool is_scalar =
        item.crossing.code != PT_CODE_NONE && item.crossing.item == nullptr && item.ctype.is_none();
    if (!n || n > 8)
        PyErr_Format(UnsupportedTypeError, "'%s' has %zu dimensions: one to eight are supported",
                     spelling.c_str(), n);
    else if (item.crossing.way == PT_WAY_OPAQUE || item.crossing.way == PT_WAY_ARRAY)
        PyErr_Format(UnsupportedTypeError, "'%s': an array holds values of a known size",
                     spelling.c_str());
    else if (n > 1 && !is_scalar)
        PyErr_Format(UnsupportedTypeError,
                     "'%s': an array of more than one dimension holds numbers only; declare a "
                     "pointer to a row, '(*name)[n]'",
                     spelling.c_str());
    else
        return;
    throw py::error_already_set();
}

static Type array(const std::string &spelling, py::object element, py::tuple dimensions,
                  bool readonly, Py_ssize_t name_at) {
    refuse_dimensions(element.cast<const Type &>(), spelling, dimensions.size());
    Type made = make(&pytramp_type_pointer, spelling, name_at);
    made.crossing.readonly = readonly;
    made.target = std::move(element);
    made.dimensions = std::move(dimensions);
    return open(std::move(made), PT_WAY_ARRAY);
}

static pytramp_member member_of(py::handle item) {
    py::tuple fields = py::reinterpret_borrow<py::tuple>(item);
    py::object type = fields[0];
    return {type_in(type.ptr()).crossing.type, fields[1].cast<size_t>(), fields[2].cast<size_t>()};
}

static Type aggregate(py::object ctype, const std::string &spelling, size_t size, size_t alignment,
                      py::list members) {
    std::vector<pytramp_member> all;
    for (py::handle item : members)
        all.push_back(member_of(item));
    const pytramp_type *type;
    pytramp_status status = pytramp_type_layout(&type, size, alignment, all.size(), all.data());
    if (status) throw_status(status);
    Type made = make(type, spelling);
    made.from_c = ctype.attr("from_buffer_copy");
    made.ctype = std::move(ctype);
    return open(std::move(made), PT_WAY_VALUE);
}

static Type custom(const std::string &spelling, const Type &base, py::object ctype, py::object load,
                   py::object store, py::object signature, Py_ssize_t name_at) {
    Type made = make(base.crossing.type, spelling, name_at);
    made.ctype = std::move(ctype);
    made.from_c = std::move(load);
    made.to_c = std::move(store);
    made.signature = std::move(signature);
    return open(std::move(made), PT_WAY_CUSTOM);
}

static Type python_object() {
    return open(make(&pytramp_type_pointer, "PyObject *"), PT_WAY_OBJECT);
}

static Type va_list_parameter() {
    return open(make(pt_va_list_type(), "va_list"), PT_WAY_LIST);
}

/* ---- Looking at them ---- */

static const char *kind(const Type &type) {
    switch (type.crossing.way) {
    case PT_WAY_VALUE:
        return !type.ctype.is_none()                         ? "aggregate"
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

std::string declared(const Type &type, const std::string &name) {
    if (type.name_at >= 0) {
        std::string text = type.spelling();
        return text.insert(std::min(static_cast<size_t>(type.name_at), text.size()), name);
    }
    return type.spelling() + (type.spelling().back() == '*' ? "" : " ") + name;
}

static std::string repr(const Type &type) {
    return "<pytramp C type '" + type.spelling() + "'>";
}

bool equal(const Type &a, const Type &b) {
    const pt_crossing &left = a.crossing, &right = b.crossing;
    if (&a == &b) return true;
    return left.type == right.type && left.way == right.way && left.readonly == right.readonly &&
           a.ctype.is(b.ctype) && a.target.equal(b.target) && a.dimensions.equal(b.dimensions) &&
           a.signature.equal(b.signature) &&
           (left.way != PT_WAY_OPAQUE || a.spelling() == b.spelling());
}

static size_t hash(const Type &type) {
    return reinterpret_cast<size_t>(type.crossing.type) ^ static_cast<size_t>(type.crossing.way) ^
           py::hash(type.ctype);
}

/* A class may hold a closure whose signature holds the class. */
static int traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    if (!py::detail::is_holder_constructed(self)) return 0;
    const Type &type = type_in(self);
    for (const py::object *held :
         {&type.ctype, &type.target, &type.from_c, &type.to_c, &type.dimensions, &type.signature})
        Py_VISIT(held->ptr());
    return 0;
}

static void enable_gc(PyHeapTypeObject *heap_type) {
    heap_type->ht_type.tp_flags |= Py_TPFLAGS_HAVE_GC;
    heap_type->ht_type.tp_traverse = traverse;
}

void register_type(py::module_ &m) {
    pt_crossing_of = crossing_of;
    py::class_<Type>(m, "Type", "A C type as a signature holds it; immutable.",
                     py::custom_type_setup(enable_gc))
        .def_static("scalar", &scalar, py::arg("spelling"))
        .def_static("alias", &alias, py::arg("spelling"), py::arg("base"))
        .def_static("opaque", &opaque, py::arg("spelling"))
        .def_static("pointer", &pointer, py::arg("spelling"), py::arg("target") = py::none(),
                    py::arg("readonly") = false, py::arg("name_at") = -1)
        .def_static("array", &array, py::arg("spelling"), py::arg("element"), py::arg("dimensions"),
                    py::arg("readonly"), py::arg("name_at"))
        .def_static("aggregate", &aggregate, py::arg("cls"), py::arg("spelling"), py::arg("size"),
                    py::arg("alignment"), py::arg("members"))
        .def_static("custom", &custom, py::arg("spelling"), py::arg("base"), py::arg("ctype"),
                    py::arg("load"), py::arg("store"), py::arg("signature") = py::none(),
                    py::arg("name_at") = -1)
        .def_static("object", &python_object)
        .def_static("va_list", &va_list_parameter)
        .def_property_readonly("spelling", &Type::spelling)
        .def_property_readonly("kind", &kind)
        .def_readonly("ctype", &Type::ctype)
        .def_readonly("target", &Type::target)
        .def_property_readonly("readonly", [](const Type &t) { return t.crossing.readonly != 0; })
        .def_readonly("dimensions", &Type::dimensions)
        .def_readonly("signature", &Type::signature)
        .def_property_readonly("size",
                               [](const Type &t) { return pytramp_type_size(t.crossing.type); })
        .def_property_readonly(
            "alignment", [](const Type &t) { return pytramp_type_alignment(t.crossing.type); })
        .def_property_readonly(
            "canonical", [](const Type &t) { return pytramp_type_spelling(t.crossing.type); },
            "The spelling of the scalar behind an alias.")
        .def("declared", &declared, py::arg("name"), "The declaration of a variable of that name.")
        .def("__eq__",
             [](const Type &a, const py::object &b) {
                 return py::isinstance<Type>(b) && equal(a, b.cast<const Type &>());
             })
        .def("__hash__", &hash)
        .def("__repr__", &repr);
}

} // namespace pytramp
