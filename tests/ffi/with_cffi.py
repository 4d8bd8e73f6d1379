"""cffi's callbacks. cffi maps their memory itself, which MDWE does not let it; so without that."""

import sys

import sandbox

try:
    import cffi
except ImportError as error:
    print(error)
    sys.exit(77)

ffi = cffi.FFI()
ffi.cdef(
    """
    typedef struct { double x, y; } point;
    void qsort(void *, size_t, size_t, int (*)(const void *, const void *));
    """
)
libc = ffi.dlopen(None)


@ffi.callback("int (const void *, const void *)")
def compare(a, b):
    return ffi.cast("int *", a)[0] - ffi.cast("int *", b)[0]


@ffi.callback("point (point, signed char)")
def scale(p, by):
    return {"x": p.x * by, "y": p.y * by}


numbers = ffi.new("int[]", [(i * 7919) % 1000 for i in range(1000)])
libc.qsort(numbers, 1000, ffi.sizeof("int"), compare)
assert list(numbers) == sorted(numbers)
scaled = ffi.cast("point (*)(point, signed char)", ffi.cast("void *", scale))({"x": 2, "y": 3}, -2)
assert (scaled.x, scaled.y) == (-4, -6)
for i in range(3000):
    assert ffi.callback("int (int)", lambda n, i=i: n + i)(1) == i + 1
kept = [ffi.callback("double (double)", lambda x, i=i: x + i) for i in range(3000)]
assert [function(0.5) for function in kept] == [i + 0.5 for i in range(3000)]
for line in sandbox.bad_mappings():
    print("its own:", line)
print("done")
