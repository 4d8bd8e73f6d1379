"""CPython's own tests of ctypes' callbacks, where they are installed."""

import importlib
import sys
import unittest

import sandbox

NAMES = ("callbacks", "cfuncs", "funcptr", "as_parameter", "structures", "pointers", "libc")
FOLDERS = ("ctypes.test", "test.test_ctypes")


def find(name):
    """The tests of that name, in whatever folder this version has them; None without."""
    for folder in FOLDERS:
        try:
            return importlib.import_module(f"{folder}.test_{name}")
        except ImportError:
            continue
    return None


modules = [module for module in map(find, NAMES) if module]
if not modules:
    print("CPython's tests of ctypes are not installed")
    sys.exit(77)
sandbox.refuse_exec_gain()
suites = [unittest.defaultTestLoader.loadTestsFromModule(module) for module in modules]
result = unittest.TextTestRunner(stream=sys.stdout).run(unittest.TestSuite(suites))
if not result.wasSuccessful():
    sys.exit(1)
print(result.testsRun, "tests of", len(modules), "modules")
sandbox.finish()
