/* pytramp.stats, reserve, and what the command line and the tests ask of the pool. */
#include "pybind.h"

#include "../python/blame.h"

namespace pytramp {

static const struct {
    unsigned bit;
    const char *name;
} steps[] = {
    {PYTRAMP_GROW_MREMAP, "mremap"},
    {PYTRAMP_GROW_FILE, "file"},
    {PYTRAMP_GROW_MEMFD, "memfd"},
    {PYTRAMP_GROW_MEMORY, "memory"},
};

static const char *source_of(const pytramp_statistics &s) {
    if (s.memfd_pairs) return "memfd";
    if (s.file_pairs) return "file";
    if (s.mremap_pairs) return "mremap";
    return s.memory_pairs ? "memory" : "built-in";
}

static py::dict statistics() {
    pytramp_statistics s = {};
    s.size = sizeof s;
    pytramp_stats(&s);
    py::dict made;
    made["capacity"] = s.capacity;
    made["builtin"] = s.builtin;
    made["live"] = s.live;
    made["quarantined"] = s.quarantined;
    made["reusable"] = s.reusable;
    made["untouched"] = s.untouched;
    made["late_calls"] = s.late_calls;
    made["mremap_pairs"] = s.mremap_pairs;
    made["file_pairs"] = s.file_pairs;
    made["memfd_pairs"] = s.memfd_pairs;
    made["memory_pairs"] = s.memory_pairs;
    made["source"] = source_of(s);
    return made;
}

static PyObject *stats(PyObject *, PyObject *) {
    return guarded(statistics);
}

static PyObject *reserve(PyObject *, PyObject *args, PyObject *kwargs) {
    static const char *names[] = {"closures", nullptr};
    PyObject *closures;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:reserve", const_cast<char **>(names),
                                     &closures))
        return nullptr;
    Py_ssize_t count = PyNumber_AsSsize_t(closures, nullptr); /* as near as there is one */
    if (count == -1 && PyErr_Occurred()) {
        pt_blame("closures: ");
        return nullptr;
    }
    if (count < 0) {
        PyErr_SetString(PyExc_ValueError, "cannot reserve a negative number of closures");
        return nullptr;
    }
    pytramp_status status = pytramp_reserve(static_cast<size_t>(count));
    if (!status) Py_RETURN_NONE;
    set_status(status);
    return nullptr;
}

static py::tuple get_growth() {
    py::list names;
    for (const auto &step : steps) {
        if (pytramp_get_growth() & step.bit) names.append(step.name);
    }
    return py::tuple(names);
}

static unsigned bit_of(const std::string &name) {
    for (const auto &step : steps) {
        if (name == step.name) return step.bit;
    }
    throw py::value_error("no growth step is called '" + name + "'");
}

static void set_growth(py::args names) {
    unsigned bits = 0;
    for (py::handle name : names)
        bits |= bit_of(name.cast<std::string>());
    pytramp_set_growth(bits);
}

static py::object try_growth(const std::string &name) {
    char text[512] = "";
    if (!pytramp_try_growth(bit_of(name), text, sizeof text)) return py::none();
    return py::str(text);
}

static void pool_check() {
    char text[256] = "";
    pytramp_status status = pytramp_pool_check(text, sizeof text);
    if (status == PYTRAMP_E_CORRUPT) throw std::runtime_error(text);
    if (status) throw_status(status);
}

static PyMethodDef functions[] = {
    {"stats", stats, METH_NOARGS,
     "stats()\n--\n\n"
     "Counts of trampolines, as a new dict: capacity, builtin, live, quarantined, reusable, "
     "untouched, late_calls, mremap_pairs, file_pairs, memfd_pairs, memory_pairs, and source, the "
     "weakest way in which code pages were had so far."},
    {"reserve", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(reserve)),
     METH_VARARGS | METH_KEYWORDS,
     "reserve(closures)\n--\n\n"
     "Grow now until this many closures can be made without a system call. MemoryError says which "
     "growth step failed and why."},
    {nullptr, nullptr, 0, nullptr},
};

void register_pool(py::module_ &m) {
    if (PyModule_AddFunctions(m.ptr(), functions)) throw py::error_already_set();
    m.def("get_growth", &get_growth,
          "The growth steps allowed, in the order in which they are tried.");
    m.def("set_growth", &set_growth, "Allow exactly these growth steps; none forbids growth.");
    m.def("try_growth", &try_growth, py::arg("step"),
          "Make and drop one page pair by this step: None, or the reason why it failed.");
    m.def("pool_check", &pool_check,
          "Verify every invariant of the pool: RuntimeError names the one that is broken. At rest "
          "only.");
    m.def(
        "owns",
        [](size_t address) { return pytramp_owns(reinterpret_cast<const void *>(address)) != 0; },
        py::arg("address"), "Whether address is exactly that of a trampoline, live or freed.");
}

} // namespace pytramp
