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
#include <utility>

#include "../pytramp_import.h"

/* What holds an object of pybind11's is hidden, as those are. */
#if defined(__GNUC__) && !defined(_WIN32)
#  define PYTRAMP_NAMESPACE pytramp __attribute__((visibility("hidden")))
#else
#  define PYTRAMP_NAMESPACE pytramp
#endif

namespace PYTRAMP_NAMESPACE {

/* pytramp_import(), as an exception. */
inline void import() {
    if (pytramp_import() < 0) throw pybind11::error_already_set();
}

/* ---- C's name for a C++ type ---- */

template <class T, class = void>
struct spelling {
    static_assert(std::is_void<T>::value,
                  "pytramp::callback passes what C has: scalars, enumerations and pointers. For "
                  "structs there is pytramp_from_callable");
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

#ifdef __SIZEOF_INT128__
__extension__ typedef __int128 signed_128;
__extension__ typedef unsigned __int128 unsigned_128;

template <>
struct spelling<signed_128> {
    static std::string text() { return "__int128"; }
};

template <>
struct spelling<unsigned_128> {
    static std::string text() { return "unsigned __int128"; }
};
#endif

#ifdef __cpp_char8_t
template <>
struct spelling<char8_t> : spelling<unsigned char> {};
#endif

template <class T>
struct spelling<T, typename std::enable_if<std::is_enum<T>::value>::type> {
    static std::string text() { return spelling<typename std::underlying_type<T>::type>::text(); }
};

/* Python sees scalars behind a pointer; anything else is an address. */
template <class T>
struct spelling<T *> {
    using target = typename std::remove_cv<T>::type;
    using seen = typename std::conditional<std::is_arithmetic<target>::value, target, void>::type;
    static std::string text() {
        return (std::is_const<T>::value ? "const " : "") + spelling<seen>::text() + " *";
    }
};

/* Of a parameter or result. */
template <class T>
std::string spell() {
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

    /* NULL; as one is that was moved from. */
    callback() = default;
    callback(const callback &) = default;
    callback &operator=(const callback &) = default;
    callback(callback &&other) noexcept : closure_(std::move(other.closure_)), code_(other.code_) {
        other.code_ = nullptr;
    }
    callback &operator=(callback &&other) noexcept {
        pointer code = other.code_;
        other.code_ = nullptr;
        closure_ = std::move(other.closure_);
        code_ = code;
        return *this;
    }

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

} // namespace PYTRAMP_NAMESPACE

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
