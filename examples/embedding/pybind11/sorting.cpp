/* sorting.sort(numbers, compare) by C's qsort, with a comparison in Python: pybind11 takes it as a
 * C function pointer. sorting.Button keeps one for later. */
#include <pybind11/stl.h>
#include <pytramp/pybind11.h>

#include <cstdlib>
#include <vector>

namespace py = pybind11;

using comparison = pytramp::callback<int(const int *, const int *)>;

static std::vector<int> sort(std::vector<int> numbers, const comparison &compare) {
    if (!compare) throw py::value_error("compare is None");
    auto *function = reinterpret_cast<int (*)(const void *, const void *)>(compare.get());
    std::qsort(numbers.data(), numbers.size(), sizeof(int), function);
    return numbers;
}

/* Calls what it was given last. */
class Button {
  public:
    using handler = pytramp::callback<bool(int, double)>;

    void on_click(handler chosen) { handler_ = std::move(chosen); }
    handler get() const { return handler_; }
    bool click(int times, double pressure) const { return handler_ && handler_(times, pressure); }

  private:
    handler handler_;
};

PYBIND11_MODULE(sorting, m) {
    pytramp::import();
    m.def("sort", sort, py::arg("numbers"), py::arg("compare"));
    py::class_<Button>(m, "Button")
        .def(py::init<>())
        .def_property("on_click", &Button::get, &Button::on_click)
        .def("click", &Button::click, py::arg("times"), py::arg("pressure"));
}
