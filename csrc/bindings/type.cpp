/* pytramp._core.Type */
#include "bindings.h"

#include <vector>

namespace pytramp {

static const pytramp_type *named(const std::string &spelling) {
    const pytramp_type *type = pytramp_type_named(spelling.c_str());
    if (type) return type;
    PyErr_Format(UnsupportedTypeError, "no scalar C type is spelled '%s'", spelling.c_str());
    throw py::error_already_set();
}

static Type scalar(const std::string &spelling) {
    return {named(spelling), spelling, py::none()};
}

static Type alias(const std::string &spelling, const Type &base) {
    return {base.c, spelling, base.ctype};
}

static Type pointer(const std::string &spelling) {
    return {&pytramp_type_pointer, spelling, py::none()};
}

static pytramp_member member_of(py::handle item) {
    py::tuple fields = py::reinterpret_borrow<py::tuple>(item);
    const Type &type = fields[0].cast<const Type &>();
    return {type.c, fields[1].cast<size_t>(), fields[2].cast<size_t>()};
}

static Type aggregate(py::object ctype, const std::string &spelling, size_t size, size_t alignment,
                      py::list members) {
    std::vector<pytramp_member> all;
    for (py::handle item : members)
        all.push_back(member_of(item));
    const pytramp_type *type;
    pytramp_status status = pytramp_type_layout(&type, size, alignment, all.size(), all.data());
    if (status) throw_status(status);
    return {type, spelling, std::move(ctype)};
}

static std::string repr(const Type &type) {
    return "<pytramp C type '" + type.spelling + "'>";
}

static bool equal(const Type &a, const Type &b) {
    return a.c == b.c && a.ctype.is(b.ctype);
}

/* A class may hold a closure whose signature holds the class. */
static int traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    if (!py::detail::is_holder_constructed(self)) return 0;
    Py_VISIT(py::handle(self).cast<const Type &>().ctype.ptr());
    return 0;
}

static void enable_gc(PyHeapTypeObject *heap_type) {
    heap_type->ht_type.tp_flags |= Py_TPFLAGS_HAVE_GC;
    heap_type->ht_type.tp_traverse = traverse;
}

void register_type(py::module_ &m) {
    py::class_<Type>(m, "Type", "A C type as a signature holds it; immutable.",
                     py::custom_type_setup(enable_gc))
        .def_static("scalar", &scalar, py::arg("spelling"))
        .def_static("alias", &alias, py::arg("spelling"), py::arg("base"))
        .def_static("pointer", &pointer, py::arg("spelling"))
        .def_static("aggregate", &aggregate, py::arg("cls"), py::arg("spelling"), py::arg("size"),
                    py::arg("alignment"), py::arg("members"))
        .def_readonly("spelling", &Type::spelling)
        .def_readonly("ctype", &Type::ctype)
        .def_property_readonly("size", [](const Type &t) { return pytramp_type_size(t.c); })
        .def_property_readonly("alignment",
                               [](const Type &t) { return pytramp_type_alignment(t.c); })
        .def_property_readonly(
            "canonical", [](const Type &t) { return pytramp_type_spelling(t.c); },
            "The spelling of the scalar behind an alias.")
        .def("__eq__",
             [](const Type &a, const py::object &b) {
                 return py::isinstance<Type>(b) && equal(a, b.cast<const Type &>());
             })
        .def("__hash__",
             [](const Type &t) { return reinterpret_cast<size_t>(t.c) ^ py::hash(t.ctype); })
        .def("__repr__", &repr);
}

} // namespace pytramp
