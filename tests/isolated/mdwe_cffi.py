"""cffi's callbacks, made by pytramp, where memory that is writable and executable is refused."""

import cffi
from common import refuse_exec_gain

from pytramp.interop import cffi as ours

ffi = cffi.FFI()
refuse_exec_gain()
try:
    ffi.callback("int(int)", abs)
except MemoryError:
    print("cffi cannot")
functions = [ours.callback(ffi, "int(int)", lambda n, k=k: n + k) for k in range(10_000)]
assert all(function(1) == k + 1 for k, function in enumerate(functions))
print("done")
