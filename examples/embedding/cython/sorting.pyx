# cython: language_level=3, boundscheck=False
"""sort_by(numbers, modulus): by their remainders, with C's qsort; sort(numbers, key): by a callable."""

from libc.stdlib cimport qsort

cimport pytramp
from pytramp cimport pytramp_signature, pytramp_status, pytramp_type

pytramp.pytramp_import()

ctypedef int (*comparison)(const void *, const void *) noexcept nogil


cdef void by_remainder(const pytramp_signature *signature, void *result, void *const *args,
                       void *modulus) noexcept nogil:
    cdef long m = (<long *>modulus)[0]
    cdef long a = (<long **>args[0])[0][0] % m
    cdef long b = (<long **>args[1])[0][0] % m
    (<int *>result)[0] = (a > b) - (a < b)


cdef int check(pytramp_status status) except -1:
    if status != pytramp.PYTRAMP_OK:
        raise RuntimeError(pytramp.pytramp_status_text(status).decode())
    return 0


def sort_by(long[::1] numbers, long modulus):
    """Sorts an array of C longs in place. No Python runs, and no GIL is needed."""
    cdef const pytramp_signature *signature
    cdef const pytramp_type *args[2]
    cdef void *code
    if modulus < 1:
        raise ValueError(f"the modulus is {modulus}")
    if not numbers.shape[0]:
        return
    args[0] = args[1] = &pytramp.pytramp_type_pointer
    check(pytramp.pytramp_signature_new(&signature, pytramp.PYTRAMP_ABI_DEFAULT,
                                        &pytramp.pytramp_type_int, 2, args))
    check(pytramp.pytramp_closure_new(&code, signature, by_remainder, &modulus))
    with nogil:
        qsort(&numbers[0], numbers.shape[0], sizeof(long), <comparison>code)
    check(pytramp.pytramp_closure_free(code))


def sort(long[::1] numbers, compare):
    """Sorts an array of C longs in place by compare(a, b), called with pointers to two of them."""
    closure = pytramp.pytramp_from_callable(compare, b"int (const long *, const long *)")
    if numbers.shape[0]:
        qsort(&numbers[0], numbers.shape[0], sizeof(long),
              <comparison>pytramp.pytramp_address_of(closure))
