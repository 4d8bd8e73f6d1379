#include "bindings.h"

PYBIND11_MODULE(_core, m) {
    m.doc() = "The compiled part of pytramp. Use the pytramp package instead.";
    pytramp::register_errors(m);
    pytramp::register_type(m);
    pytramp::register_pointer(m);
    pytramp::register_signature(m);
    pytramp::register_closure(m);
    pytramp::register_pool(m);
    pytramp::register_errno(m);
    if (pt_python_init()) throw pybind11::error_already_set();
}
