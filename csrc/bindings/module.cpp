#include "pybind.h"

static int (*const parts[])(PyObject *module) = {
    pytramp::register_errors,    pytramp::register_type,    pytramp::register_pointer,
    pytramp::register_signature, pytramp::register_closure, pytramp::register_function_pointer,
    pytramp::register_prototype, pytramp::register_cffi,    pytramp::register_cffi_callback,
    pytramp::register_capsule,   pytramp::register_adopted, pytramp::register_c_api,
    pytramp::register_errno,
};

PYBIND11_MODULE(_core_checked, m, pybind11::mod_gil_not_used(),
                pybind11::multiple_interpreters::per_interpreter_gil()) {
    m.doc() = "The compiled part of pytramp. Use the pytramp package instead.";
    if (pt_python_init()) throw pybind11::error_already_set();
    for (auto add : parts) {
        if (add(m.ptr())) throw pybind11::error_already_set();
    }
    pytramp::register_pool(m);
}

/* Before 3.12 pybind11 finds its own state through PyGILState, which knows the main interpreter
 * only: in another one it would wait for the GIL that it holds. */
static bool is_supported() {
    return PY_VERSION_HEX >= 0x030C0000 || PyInterpreterState_Get() == PyInterpreterState_Main();
}

extern "C" PYBIND11_EXPORT PyObject *PyInit__core() {
    if (is_supported()) return PyInit__core_checked();
    PyErr_SetString(PyExc_ImportError, "pytramp in a subinterpreter needs Python 3.12");
    return nullptr;
}
