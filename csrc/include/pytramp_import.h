/* pytramp.h for other Python extensions, which link nothing: the functions come from the installed
 * package, through a capsule.
 *
 *     #include <pytramp_import.h>      in every file that uses pytramp; pytramp.get_include()
 *
 *     if (pytramp_import() < 0) return NULL;      once, in the module's init function
 *
 * After that everything in pytramp.h is called as it is written there. &pytramp_type_int and the
 * others are values of the running process here, so no static variable can be initialised with one.
 * Calling anything before pytramp_import() has succeeded is calling NULL. */
#ifndef PYTRAMP_IMPORT_H
#define PYTRAMP_IMPORT_H

#include <Python.h>

#ifdef PT_PREFIX
#  error "PT_PREFIX names a copy that is linked; pytramp_import.h is for the one that is imported"
#endif
#include "pytramp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The capsule's name, which is its import path. */
#define PYTRAMP_CAPSULE "pytramp._core.c_api"

/* What the capsule holds. Fields are only ever added, at the end: size says how many there are, and
 * another major version is another table. An int128 is NULL where the compiler of the installed
 * package has none. */
typedef struct pytramp_api {
    size_t size;
    unsigned major, minor; /* the installed package's PYTRAMP_VERSION_* */
    const char *(*status_text)(pytramp_status status);
    pytramp_status (*alloc)(void **code);
    pytramp_status (*init)(void *code, void (*target)(void), void *data);
    pytramp_status (*free)(void *code);
    pytramp_status (*retire)(void *code, void (*target)(void), void *data);
    void *(*data)(const void *code);
    int (*owns)(const void *code);
    pytramp_status (*reserve)(size_t closures);
    pytramp_status (*set_growth)(unsigned steps);
    unsigned (*get_growth)(void);
    pytramp_status (*try_growth)(unsigned step, char *text, size_t size);
    size_t (*growth_error)(char *text, size_t size);
    pytramp_status (*stats)(pytramp_statistics *statistics);
    pytramp_status (*pool_check)(char *text, size_t size);
    const pytramp_type *type_void;
    const pytramp_type *type_bool;
    const pytramp_type *type_char;
    const pytramp_type *type_schar;
    const pytramp_type *type_uchar;
    const pytramp_type *type_short;
    const pytramp_type *type_ushort;
    const pytramp_type *type_int;
    const pytramp_type *type_uint;
    const pytramp_type *type_long;
    const pytramp_type *type_ulong;
    const pytramp_type *type_longlong;
    const pytramp_type *type_ulonglong;
    const pytramp_type *type_int128;
    const pytramp_type *type_uint128;
    const pytramp_type *type_wchar;
    const pytramp_type *type_char16;
    const pytramp_type *type_char32;
    const pytramp_type *type_float16;
    const pytramp_type *type_float;
    const pytramp_type *type_double;
    const pytramp_type *type_longdouble;
    const pytramp_type *type_complex_float;
    const pytramp_type *type_complex_double;
    const pytramp_type *type_complex_longdouble;
    const pytramp_type *type_pointer;
    const pytramp_type *(*type_named)(const char *spelling);
    const char *(*type_spelling)(const pytramp_type *type);
    size_t (*type_size)(const pytramp_type *type);
    size_t (*type_alignment)(const pytramp_type *type);
    pytramp_status (*type_struct)(const pytramp_type **type, size_t nmembers,
                                  const pytramp_member *members, size_t pack);
    pytramp_status (*type_union)(const pytramp_type **type, size_t nmembers,
                                 const pytramp_member *members, size_t pack);
    pytramp_status (*type_layout)(const pytramp_type **type, size_t size, size_t alignment,
                                  size_t nmembers, const pytramp_member *members);
    pytramp_status (*type_layout_ex)(const pytramp_type **type, const pytramp_layout *layout);
    const pytramp_type *(*type_bits)(size_t n);
    const char *(*abi_name)(size_t i);
    pytramp_status (*abi_named)(pytramp_abi *abi, const char *name);
    pytramp_status (*signature_new)(const pytramp_signature **signature, pytramp_abi abi,
                                    const pytramp_type *result, size_t nargs,
                                    const pytramp_type *const *args);
    pytramp_status (*signature_new_variadic)(const pytramp_signature **signature, pytramp_abi abi,
                                             const pytramp_type *result, size_t nargs,
                                             const pytramp_type *const *args);
    pytramp_status (*signature_explain)(const pytramp_signature *signature, size_t i,
                                        pytramp_place places[PYTRAMP_MAX_PLACES], size_t *n,
                                        int *by_reference);
    pytramp_status (*closure_new)(void **code, const pytramp_signature *signature,
                                  pytramp_handler handler, void *userdata);
    pytramp_status (*closure_new_ex)(void **code, const pytramp_signature *signature,
                                     const pytramp_closure_options *options);
    pytramp_status (*closure_free)(void *code);
    void (*set_late_call_hook)(pytramp_late_call_hook hook);
} pytramp_api;

#ifdef __cplusplus
}
#endif

/* The file that fills the table defines PYTRAMP_API_TABLE: its names mean the functions. */
#ifndef PYTRAMP_API_TABLE

/* The table, one in each module that includes this, in C and in C++. */
#  ifdef __cplusplus
extern "C" {
#  endif
#  ifdef _MSC_VER
__declspec(selectany) const pytramp_api *pytramp_api_ = 0; /* selectany is for what has a value */
#  elif defined(_WIN32)
__attribute__((weak)) const pytramp_api *pytramp_api_;
#  else
__attribute__((weak, visibility("hidden"))) const pytramp_api *pytramp_api_;
#  endif
#  ifdef __cplusplus
}
#  endif

/* Imports pytramp. 0, or -1 with ImportError: pytramp is not installed, or is another major version
 * or older than this header. With the GIL; from any interpreter, as often as one likes. */
static inline int pytramp_import(void) {
    const pytramp_api *api = (const pytramp_api *)PyCapsule_Import(PYTRAMP_CAPSULE, 0);
    if (!api) return -1;
    if (api->major != PYTRAMP_VERSION_MAJOR || api->size < sizeof *api) {
        PyErr_Format(PyExc_ImportError,
                     "this module was compiled for pytramp %d.%d and later of %d, and %u.%u is "
                     "installed",
                     PYTRAMP_VERSION_MAJOR, PYTRAMP_VERSION_MINOR, PYTRAMP_VERSION_MAJOR,
                     api->major, api->minor);
        return -1;
    }
    pytramp_api_ = api;
    return 0;
}

/* A new pytramp.Closure around a Python callable: pytramp.callback(declaration, callable). NULL
 * with its exception. With the GIL. */
static inline PyObject *pytramp_from_callable(PyObject *callable, const char *declaration) {
    PyObject *module = PyImport_ImportModule("pytramp");
    PyObject *made =
        module ? PyObject_CallMethod(module, "callback", "sO", declaration, callable) : NULL;
    Py_XDECREF(module);
    return made;
}

/* The other way: a new pytramp.Closure that owns the closure of C at code, which is freed with it.
 * pytramp.adopt(code, declaration). NULL with its exception, and code is still the caller's. With
 * the GIL. */
static inline PyObject *pytramp_adopt(void *code, const char *declaration) {
    PyObject *module = PyImport_ImportModule("pytramp"), *address = PyLong_FromVoidPtr(code);
    PyObject *made =
        module && address ? PyObject_CallMethod(module, "adopt", "Os", address, declaration) : NULL;
    Py_XDECREF(address);
    Py_XDECREF(module);
    return made;
}

/* What C calls of a pytramp.Closure, which the caller keeps alive as long as C may call it. NULL
 * with an exception: it was closed, or is none; NULL for NULL keeps the exception that there is.
 * With the GIL. */
static inline void *pytramp_address_of(PyObject *closure) {
    PyObject *module = closure ? PyImport_ImportModule("pytramp") : NULL;
    PyObject *type = module ? PyObject_GetAttrString(module, "Closure") : NULL;
    int is_one = type ? PyObject_IsInstance(closure, type) : -1;
    PyObject *address = is_one > 0 ? PyObject_GetAttrString(closure, "address") : NULL;
    void *code = address ? PyLong_AsVoidPtr(address) : NULL;
    if (!is_one) PyErr_Format(PyExc_TypeError, "a pytramp.Closure is needed, not %R", closure);
    if (!closure && !PyErr_Occurred()) PyErr_BadInternalCall();
    Py_XDECREF(address);
    Py_XDECREF(type);
    Py_XDECREF(module);
    return code;
}

#  define pytramp_status_text             (pytramp_api_->status_text)
#  define pytramp_alloc                   (pytramp_api_->alloc)
#  define pytramp_init                    (pytramp_api_->init)
#  define pytramp_free                    (pytramp_api_->free)
#  define pytramp_retire                  (pytramp_api_->retire)
#  define pytramp_data                    (pytramp_api_->data)
#  define pytramp_owns                    (pytramp_api_->owns)
#  define pytramp_reserve                 (pytramp_api_->reserve)
#  define pytramp_set_growth              (pytramp_api_->set_growth)
#  define pytramp_get_growth              (pytramp_api_->get_growth)
#  define pytramp_try_growth              (pytramp_api_->try_growth)
#  define pytramp_growth_error            (pytramp_api_->growth_error)
#  define pytramp_stats                   (pytramp_api_->stats)
#  define pytramp_pool_check              (pytramp_api_->pool_check)
#  define pytramp_type_void               (*pytramp_api_->type_void)
#  define pytramp_type_bool               (*pytramp_api_->type_bool)
#  define pytramp_type_char               (*pytramp_api_->type_char)
#  define pytramp_type_schar              (*pytramp_api_->type_schar)
#  define pytramp_type_uchar              (*pytramp_api_->type_uchar)
#  define pytramp_type_short              (*pytramp_api_->type_short)
#  define pytramp_type_ushort             (*pytramp_api_->type_ushort)
#  define pytramp_type_int                (*pytramp_api_->type_int)
#  define pytramp_type_uint               (*pytramp_api_->type_uint)
#  define pytramp_type_long               (*pytramp_api_->type_long)
#  define pytramp_type_ulong              (*pytramp_api_->type_ulong)
#  define pytramp_type_longlong           (*pytramp_api_->type_longlong)
#  define pytramp_type_ulonglong          (*pytramp_api_->type_ulonglong)
#  define pytramp_type_int128             (*pytramp_api_->type_int128)
#  define pytramp_type_uint128            (*pytramp_api_->type_uint128)
#  define pytramp_type_wchar              (*pytramp_api_->type_wchar)
#  define pytramp_type_char16             (*pytramp_api_->type_char16)
#  define pytramp_type_char32             (*pytramp_api_->type_char32)
#  define pytramp_type_float16            (*pytramp_api_->type_float16)
#  define pytramp_type_float              (*pytramp_api_->type_float)
#  define pytramp_type_double             (*pytramp_api_->type_double)
#  define pytramp_type_longdouble         (*pytramp_api_->type_longdouble)
#  define pytramp_type_complex_float      (*pytramp_api_->type_complex_float)
#  define pytramp_type_complex_double     (*pytramp_api_->type_complex_double)
#  define pytramp_type_complex_longdouble (*pytramp_api_->type_complex_longdouble)
#  define pytramp_type_pointer            (*pytramp_api_->type_pointer)
#  define pytramp_type_named              (pytramp_api_->type_named)
#  define pytramp_type_spelling           (pytramp_api_->type_spelling)
#  define pytramp_type_size               (pytramp_api_->type_size)
#  define pytramp_type_alignment          (pytramp_api_->type_alignment)
#  define pytramp_type_struct             (pytramp_api_->type_struct)
#  define pytramp_type_union              (pytramp_api_->type_union)
#  define pytramp_type_layout             (pytramp_api_->type_layout)
#  define pytramp_type_layout_ex          (pytramp_api_->type_layout_ex)
#  define pytramp_type_bits               (pytramp_api_->type_bits)
#  define pytramp_abi_name                (pytramp_api_->abi_name)
#  define pytramp_abi_named               (pytramp_api_->abi_named)
#  define pytramp_signature_new           (pytramp_api_->signature_new)
#  define pytramp_signature_new_variadic  (pytramp_api_->signature_new_variadic)
#  define pytramp_signature_explain       (pytramp_api_->signature_explain)
#  define pytramp_closure_new             (pytramp_api_->closure_new)
#  define pytramp_closure_new_ex          (pytramp_api_->closure_new_ex)
#  define pytramp_closure_free            (pytramp_api_->closure_free)
#  define pytramp_set_late_call_hook      (pytramp_api_->set_late_call_hook)
#endif

#endif
