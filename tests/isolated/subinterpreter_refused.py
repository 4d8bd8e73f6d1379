"""Python 3.10 and 3.11: importing pytramp in a subinterpreter is an ImportError that says why."""

import _xxsubinterpreters as interpreters

number = interpreters.create()
for _ in range(2):
    try:
        interpreters.run_string(number, "import pytramp; pytramp.Signature('int (int)')")
    except interpreters.RunFailedError as error:
        if "needs Python 3.12" not in str(error):
            raise
    else:
        raise AssertionError("imported")

import pytramp  # noqa: E402
from pytramp import interop  # noqa: E402

assert pytramp.callback("int (int)", lambda n: n + 1).as_ctypes()(1) == 2

# Its ctypes is left alone.
interpreters.run_string(
    number, "import ctypes; BEFORE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)"
)
interop.install()
interpreters.run_string(number, "assert BEFORE(lambda n: n + 1)(1) == 2")
interop.uninstall()
interpreters.run_string(number, "assert BEFORE(lambda n: n + 1)(1) == 2")
interpreters.destroy(number)
print("done")
