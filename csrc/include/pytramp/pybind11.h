/* C callbacks as parameters and results of functions bound by pybind11.
 *
 *     #include <pytramp/pybind11.h>
 *
 *     m.def("sort", [](std::vector<int> numbers, pytramp::callback<comparison> compare) {
 *         qsort(numbers.data(), numbers.size(), sizeof(int), compare);
 *         return numbers;
 *     });
 *
 * with typedef int comparison(const void *, const void *), and pytramp::import() in the module's
 * init function. Python passes any callable, a pytramp.Closure, or None for NULL. */
#ifndef PYTRAMP_PYBIND11_H
#define PYTRAMP_PYBIND11_H

#include <pybind11/pybind11.h>

#include <string>
#include <type_traits>

#include "../pytramp_import.h"

namespace pytramp {

/* pytramp_import(), as an exception. */
inline void import() {
    if (pytramp_import() < 0) throw pybind11::error_already_set();
}

/* ---- C's name for a C++ type ---- */

/* What has no name in C is known by its address only. */
template <class T, class = void>
struct spelling {
    static std::string text() { return "void"; }
};

#define PYTRAMP_SPELLING(type)                                                                     \
    template <>                                                                                    \
    struct spelling<type> {                                                                        \
        static std::string text() { return #type; }                                                \
    };
PYTRAMP_SPELLING(char)
PYTRAMP_SPELLING(signed char)
PYTRAMP_SPELLING(unsigned char)
PYTRAMP_SPELLING(short)
PYTRAMP_SPELLING(unsigned short)
PYTRAMP_SPELLING(int)
PYTRAMP_SPELLING(unsigned int)
PYTRAMP_SPELLING(long)
PYTRAMP_SPELLING(unsigned long)
PYTRAMP_SPELLING(long long)
PYTRAMP_SPELLING(unsigned long long)
PYTRAMP_SPELLING(wchar_t)
PYTRAMP_SPELLING(char16_t)
PYTRAMP_SPELLING(char32_t)
PYTRAMP_SPELLING(float)
PYTRAMP_SPELLING(double)
PYTRAMP_SPELLING(long double)
#undef PYTRAMP_SPELLING

template <>
struct spelling<bool> {
    static std::string text() { return "_Bool"; }
};

template <class T>
struct spelling<T, typename std::enable_if<std::is_enum<T>::value>::type> {
    static std::string text() { return spelling<typename std::underlying_type<T>::type>::text(); }
};

/* Python sees scalars behind a pointer; anything else is an address. */
template <class T>
struct spelling<T *> {
    using target = typename std::remove_cv<T>::type;
    static std::string text() {
        std::string qualifier = std::is_const<T>::value ? "const " : "";
        return qualifier + (std::is_arithmetic<target>::value ? spelling<target>::text() : "void") +
               " *";
    }
};

/* Of a parameter or result. */
template <class T>
std::string spell() {
    static_assert(!std::is_class<T>::value && !std::is_union<T>::value,
                  "pytramp::callback passes no classes by value: use pytramp_from_callable");
    return spelling<typename std::remove_cv<T>::type>::text();
}

/* ---- The callback ---- */

template <class Function>
class callback;

/* A Python callable as a C function, which lives as long as this or a copy. Making, copying and
 * destroying one needs the GIL; calling it needs nothing. */
template <class Result, class... Arguments>
class callback<Result(Arguments...)> {
  public:
    using pointer = Result (*)(Arguments...);

    /* NULL. */
    callback() = default;

    /* Throws pybind11::error_already_set: pytramp.callback's exception. */
    explicit callback(pybind11::handle callable) {
        if (callable.is_none()) return;
        closure_ = pybind11::reinterpret_steal<pybind11::object>(
            pytramp_from_callable(callable.ptr(), declaration().c_str()));
        if (!closure_) throw pybind11::error_already_set();
        code_ = reinterpret_cast<pointer>(pytramp_address_of(closure_.ptr()));
        if (!code_) throw pybind11::error_already_set();
    }

    pointer get() const { return code_; }
    operator pointer() const { return code_; }

    /* The pytramp.Closure, or None. */
    pybind11::object closure() const { return closure_ ? closure_ : pybind11::none(); }

    /* "int (const void *, const void *)" */
    static const std::string &declaration() {
        static const std::string text = spell<Result>() + " (" + parameters() + ")";
        return text;
    }

  private:
    static std::string parameters() {
        std::string text;
        for (const std::string &each : {std::string(), spell<Arguments>()...}) {
            if (!text.empty()) text += ", ";
            text += each;
        }
        return text.empty() ? "void" : text;
    }

    pybind11::object closure_;
    pointer code_ = nullptr;
};

} // namespace pytramp

namespace pybind11 {
namespace detail {

template <class Function>
struct type_caster<pytramp::callback<Function>> {
    PYBIND11_TYPE_CASTER(pytramp::callback<Function>, const_name("Callable | None"));

    /* What is callable is taken: why it is no such callback, its exception says. */
    bool load(handle source, bool) {
        if (!source || !(source.is_none() || PyCallable_Check(source.ptr()))) return false;
        value = pytramp::callback<Function>(source);
        return true;
    }

    static handle cast(const pytramp::callback<Function> &callback, return_value_policy, handle) {
        return callback.closure().release();
    }
};

} // namespace detail
} // namespace pybind11

#endif
