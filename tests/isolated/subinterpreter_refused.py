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
interpreters.destroy(number)

import pytramp  # noqa: E402

assert pytramp.callback("int (int)", lambda n: n + 1).as_ctypes()(1) == 2
print("done")
