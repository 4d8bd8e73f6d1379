"""ctypes prototypes and classes: where ctypes' own callbacks are right, ours give the same."""

from __future__ import annotations

import ctypes
import gc
import re
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import tools

import pytramp


class Sub(ctypes.c_int):
    """An int that knows its class."""


class SubSub(Sub):
    pass


class SubDouble(ctypes.c_double):
    pass


class SubChar(ctypes.c_char):
    pass


class SubVoid(ctypes.c_void_p):
    pass


class SubText(ctypes.c_char_p):
    pass


class SubObject(ctypes.py_object):
    pass


class Own(ctypes.c_int.__base__):  # type: ignore[misc, name-defined]
    """A simple type of the user's: values are Python's, as those of c_short are."""

    _type_ = "h"


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_double), ("y", ctypes.c_double)]


class Node(ctypes.Structure):
    pass


IntPointer = ctypes.POINTER(ctypes.c_int)
Node._fields_ = [("value", ctypes.c_int), ("next", ctypes.POINTER(Node))]


class SubPointer(IntPointer):  # type: ignore[misc, valid-type]
    _type_ = ctypes.c_int


Handler = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
Walker = ctypes.CFUNCTYPE(None, ctypes.POINTER(Point), Handler)


def plain(value: Any) -> Any:
    """What can be compared: the class, and what it holds."""
    if isinstance(value, ctypes._Pointer):
        return type(value), bytes(
            ctypes.cast(ctypes.byref(value), ctypes.POINTER(ctypes.c_char))[:8]
        )
    if isinstance(value, (ctypes.Structure, ctypes._SimpleCData, ctypes._CFuncPtr)):
        return type(value), bytes(value)
    return type(value), value


number, numbers = ctypes.c_int(5), (ctypes.c_int * 3)(1, 2, 3)
twice = Handler(lambda n: 2 * n)
thing = object()

# The class, and values that ctypes converts to it.
ARGUMENTS: list[tuple[Any, list[Any]]] = [
    (ctypes.c_bool, [True, False]),
    (ctypes.c_char, [b"x", b"\xff", b"\0"]),
    (ctypes.c_wchar, list(tools.wide("x\U0001f600"))),
    (ctypes.c_byte, [-128, 127]),
    (ctypes.c_ubyte, [0, 255]),
    (ctypes.c_short, [-32768]),
    (ctypes.c_ushort, [65535]),
    (ctypes.c_int, [-(2**31)]),
    (ctypes.c_uint, [2**32 - 1]),
    (ctypes.c_long, [-(2 ** (tools.LONG - 1))]),
    (ctypes.c_ulong, [2**tools.LONG - 1]),
    (ctypes.c_longlong, [2**63 - 1]),
    (ctypes.c_ulonglong, [2**64 - 1]),
    (ctypes.c_float, [1.5]),
    (ctypes.c_double, [-0.1, float("inf")]),
    (ctypes.c_longdouble, [0.5]),
    (ctypes.c_void_p, [None, 77]),
    (ctypes.c_char_p, [None, b"", b"text"]),
    (ctypes.c_wchar_p, [None, "", "text"]),
    (ctypes.py_object, [thing, None, 5]),
    (Sub, [Sub(-7)]),
    (SubSub, [SubSub(-7)]),
    (SubDouble, [SubDouble(0.5)]),
    (SubChar, [SubChar(b"c")]),
    (SubVoid, [SubVoid(77), SubVoid()]),
    (SubText, [SubText(b"text"), SubText()]),
    (SubObject, [SubObject(thing)]),
    (Own, [-5]),
    (IntPointer, [None, ctypes.pointer(number), number, numbers]),
    (SubPointer, [None, SubPointer(number)]),
    (ctypes.POINTER(Node), [None, ctypes.pointer(Node(1))]),
    (ctypes.POINTER(ctypes.c_int * 3), [ctypes.pointer(numbers)]),
    (ctypes.POINTER(IntPointer), [ctypes.pointer(ctypes.pointer(number))]),
    (Handler, [twice, Handler()]),
    (Point, [Point(1, 2)]),
]
if hasattr(ctypes, "c_double_complex"):
    ARGUMENTS += [(getattr(ctypes, f"c_{name}_complex"), [1 + 2j]) for name in ("float", "double")]
ROWS = [(cls, value) for cls, values in ARGUMENTS for value in values]


@pytest.mark.parametrize(("cls", "value"), ROWS, ids=lambda x: getattr(x, "__name__", "value"))
def test_arguments_are_what_ctypes_gives(cls: Any, value: Any) -> None:
    """The same call through a callback of ctypes and one of ours."""
    prototype = ctypes.CFUNCTYPE(None, cls)
    theirs: list[Any] = []
    ours: list[Any] = []
    prototype(theirs.append)(value)
    closure = pytramp.callback(prototype, ours.append)
    prototype(closure.address)(value)
    (expected,), (got,) = theirs, ours
    assert plain(got) == plain(expected)
    if isinstance(value, SubObject):
        assert got.value is thing
    if isinstance(value, Handler) and value:
        assert got(4) == 8


def test_every_simple_class_is_tried() -> None:
    names = [name for name in dir(ctypes) if re.fullmatch(r"c_\w+|py_object", name)]
    simple = {cls for cls in map(ctypes.__dict__.get, names) if isinstance(cls, type)}
    tried = {cls for cls, _ in ROWS}
    assert simple - tried <= {getattr(ctypes, "c_longdouble_complex", None)}


# ---- Results ----


def back(restype: Any, value: Any, **options: Any) -> Any:
    """What C, here ctypes, gets for a result of that class."""
    closure = pytramp.callback(ctypes.CFUNCTYPE(restype), lambda: value, **options)
    kind = restype
    if kind is not None and issubclass(kind, (ctypes._Pointer, ctypes._CFuncPtr, ctypes.c_char_p)):
        kind = ctypes.c_void_p
    return ctypes.CFUNCTYPE(kind)(closure.address)()


def address(value: Any) -> int:
    return ctypes.addressof(value)


node, buffer = Node(3), ctypes.create_string_buffer(b"text")

RESULTS: list[tuple[Any, Any, Any]] = [
    (None, "anything", None),
    (ctypes.c_bool, [1], True),
    (ctypes.c_wchar, "x", "x"),
    (ctypes.c_longdouble, 0.5, 0.5),
    (ctypes.py_object, thing, thing),
    (ctypes.py_object, None, None),
    (SubObject, thing, thing),
    (Own, -5, -5),
    (ctypes.c_void_p, 77, 77),
    (ctypes.c_void_p, None, None),
    (IntPointer, None, None),
    (IntPointer, 77, 77),
    (IntPointer, IntPointer(), None),
    (IntPointer, ctypes.pointer(number), address(number)),
    (IntPointer, number, address(number)),
    (IntPointer, numbers, address(numbers)),
    (IntPointer, ctypes.byref(number), address(number)),
    (IntPointer, ctypes.c_void_p(77), 77),
    (IntPointer, bytearray(8), ...),
    (ctypes.POINTER(Node), node, address(node)),
    (ctypes.c_char_p, None, None),
    (ctypes.c_char_p, 77, 77),
    (ctypes.c_char_p, buffer, address(buffer)),
    (ctypes.c_char_p, ctypes.cast(buffer, ctypes.c_char_p), address(buffer)),
    (ctypes.c_char_p, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_char)), address(buffer)),
    (SubText, ctypes.cast(buffer, SubText), address(buffer)),
    (Handler, None, None),
    (Handler, 77, 77),
    (Handler, Handler(77), 77),
]


@pytest.mark.parametrize(("restype", "value", "expected"), RESULTS)
def test_results(restype: Any, value: Any, expected: Any) -> None:
    got = back(restype, value)
    if restype is ctypes.py_object or restype is SubObject:
        got = getattr(got, "value", got)
    assert got == expected or expected is ...


@pytest.mark.parametrize(
    ("restype", "value", "expected"),
    [
        (Sub, Sub(-7), -7),
        (Sub, -7, -7),
        (Sub, SubSub(-8), -8),
        (SubDouble, 5, 5.0),
        (SubChar, b"c", b"c"),
        (SubVoid, None, None),
        (SubVoid, 77, 77),
        (SubVoid, SubVoid(77), 77),
        (SubVoid, numbers, address(numbers)),
    ],
)
def test_results_of_subclasses(restype: Any, value: Any, expected: Any) -> None:
    """An instance, or what the base takes, with the base's checks."""
    got = back(restype, value)
    assert type(got) is restype
    assert got.value == expected


def test_a_structure_by_value() -> None:
    point = back(Point, Point(1, 2))
    assert (point.x, point.y) == (1, 2)


_EXPECTED = f"expected {IntPointer.__name__}"  # LP_c_int, where int is not long
WRONG: list[tuple[Any, Any, type, str]] = [
    (IntPointer, "text", TypeError, r"int \* cannot be str: nobody would keep"),
    (IntPointer, 1.5, TypeError, "not float"),
    (IntPointer, -1, OverflowError, r"-1 is out of range for int \*"),
    (IntPointer, 1 << 64, OverflowError, "out of range"),
    (IntPointer, ctypes.c_double(), TypeError, f"{_EXPECTED} instance instead of c_double"),
    (IntPointer, ctypes.pointer(ctypes.c_double()), TypeError, _EXPECTED),
    (IntPointer, ctypes.byref(ctypes.c_double()), TypeError, _EXPECTED),
    (ctypes.c_char_p, b"text", TypeError, "nobody would keep the text"),
    (ctypes.c_wchar_p, "text", TypeError, r"wchar_t \* cannot be str: nobody would keep"),
    (SubText, b"text", TypeError, "nobody would keep the text"),
    (ctypes.c_char_p, 1.5, TypeError, r"char \* must be"),
    (Handler, len, TypeError, r"int \(\*\)\(int\) must be .*wrap it in pytramp.callback\(\"int"),
    (Handler, ctypes.CFUNCTYPE(None)(), TypeError, "must be a Closure, an instance of"),
    (Handler, "text", TypeError, "not str$"),
    (Handler, -1, OverflowError, "out of range"),
    (Sub, 1 << 31, OverflowError, "out of range for int"),
    (Sub, "5", TypeError, "int must be an int, not str"),
    (Sub, ctypes.c_int(5), TypeError, f"not {ctypes.c_int.__name__}"),
]


@pytest.mark.parametrize(("restype", "value", "error", "text"), WRONG)
def test_wrong_results(restype: Any, value: Any, error: type, text: str) -> None:
    with tools.reports() as seen:
        assert not getattr(back(restype, value), "value", None)
    (report,) = seen
    assert type(report.exception) in (error, ctypes.ArgumentError)
    assert re.search(text, report.text)


def test_what_names_no_type() -> None:
    with pytest.raises(pytramp.UnsupportedTypeError, match=r"'Array': C passes no .* use ctypes"):
        pytramp.Signature.from_types(None, ctypes.Array)
    plain = ctypes.CFUNCTYPE(None)
    prototype = type(plain)("P", (plain,), {"_flags_": plain._flags_})
    prototype._argtypes_ = 3
    with pytest.raises(TypeError, match="'P': _argtypes_ must be a sequence of types"):
        pytramp.Signature(prototype)


def test_a_py_object_that_fails_gives_the_exception_to_the_caller() -> None:
    closure = pytramp.callback(ctypes.CFUNCTYPE(ctypes.py_object), lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ctypes.PYFUNCTYPE(ctypes.py_object)(closure.address)()


# ---- Function pointers ----


def test_closures_as_results_are_kept() -> None:
    inner = pytramp.callback(Handler, lambda n: n + 1)
    ref = weakref.ref(inner)
    outer = pytramp.callback(ctypes.CFUNCTYPE(Handler), lambda held=[inner]: held.pop())
    del inner
    function = ctypes.CFUNCTYPE(Handler)(outer.address)()
    gc.collect()
    assert function(4) == 5
    assert ref() is not None
    del outer, function
    gc.collect()
    assert ref() is None


def test_callables_of_ctypes_are_kept() -> None:
    outer = pytramp.callback(ctypes.CFUNCTYPE(Handler), lambda: Handler(lambda n: n + 1))
    assert ctypes.CFUNCTYPE(Handler)(outer.address)()(4) == 5


@pytest.mark.parametrize(
    "declaration", ["int (int)", "int (int n)", "int32_t (int32_t)", "signed (int)"]
)
def test_closures_that_agree(declaration: str) -> None:
    inner = pytramp.callback(declaration, lambda n: n + 1)
    assert back(Handler, inner) == inner.address


@pytest.mark.parametrize(
    "declaration", ["int (void)", "long (int)", "int (unsigned)", "void (int)"]
)
def test_closures_that_do_not_agree(declaration: str) -> None:
    inner = pytramp.callback(declaration, lambda *n: 1)
    with tools.reports() as seen:
        assert back(Handler, inner) is None
    text = f"expected a callback of 'int (int)', not of '{inner.signature}'"
    (report,) = seen
    assert type(report.exception) is TypeError
    assert report.text.endswith(f": {text}")


def test_pointers_of_closures_that_agree() -> None:
    """void * is any pointer's friend, and what it points at is not."""
    prototype = ctypes.CFUNCTYPE(None, IntPointer)
    for good in ("void (void *)", "void (const void *)"):
        inner = pytramp.callback(good, print)
        assert back(prototype, inner) == inner.address
    inner = pytramp.callback(ctypes.CFUNCTYPE(None, ctypes.POINTER(Point)), print)
    with tools.reports() as seen:
        assert back(prototype, inner) is None
    assert "'void (int *)', not of 'void (struct Point *)'" in seen[0].text


def test_closures_agree_with_declarations() -> None:
    """int * is one C type, whether its values are Pointers or instances of LP_c_int."""
    outer = "int (*f(void))(const int *, void (*)(int))"
    prototype = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.c_void_p, ctypes.CFUNCTYPE(None, ctypes.c_int)
    )
    for kind in (ctypes.c_void_p, IntPointer):
        function = ctypes.CFUNCTYPE(None, ctypes.c_int)
        inner = pytramp.callback(ctypes.CFUNCTYPE(ctypes.c_int, kind, function), lambda *args: 3)
        closure = pytramp.callback(outer, lambda inner=inner: inner)
        assert ctypes.CFUNCTYPE(prototype)(closure.address)()(None, function()) == 3


def test_a_closed_closure_is_no_function() -> None:
    inner = pytramp.callback(Handler, lambda n: n + 1)
    inner.close()
    with tools.reports() as seen:
        assert back(Handler, inner) is None
    assert type(seen[0].exception) is pytramp.FreedCallbackError


def test_an_error_value_of_a_pointer() -> None:
    def fail() -> None:
        raise ValueError

    prototype = ctypes.CFUNCTYPE(IntPointer)
    closure = pytramp.callback(prototype, fail, error=number)
    with tools.reports():
        assert ctypes.addressof(prototype(closure.address)().contents) == address(number)
    with pytest.raises(TypeError, match="error='no': "):
        pytramp.callback(prototype, fail, error="no")


# ---- Prototypes ----


@pytest.mark.parametrize(
    ("prototype", "text"),
    [
        (ctypes.CFUNCTYPE(None), "void (void)"),
        (Handler, "int (int)"),
        (ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, use_errno=True), "int (int)"),
        (ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int), "int (int)"),
        (Walker, "void (struct Point *, int (*)(int))"),
        (ctypes.CFUNCTYPE(Walker), "void (*(void))(struct Point *, int (*)(int))"),
        (ctypes.CFUNCTYPE(ctypes.POINTER(Handler)), "int (**(void))(int)"),
        (ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_int * 3)), "void (int (*)[3])"),
        (ctypes.CFUNCTYPE(Point, Point, SubVoid), "struct Point (struct Point, void *)"),
        (ctypes.CFUNCTYPE(ctypes.c_wchar_p, ctypes.c_char_p), "wchar_t *(char *)"),
        (ctypes.CFUNCTYPE(ctypes.py_object, ctypes.py_object), "PyObject *(PyObject *)"),
        (ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_char_p)), "void (char **)"),
    ],
)
def test_spelling(prototype: Any, text: str) -> None:
    assert str(pytramp.Signature(prototype)) == text


def test_signatures_of_prototypes_are_those_of_the_declaration() -> None:
    prototype = ctypes.CFUNCTYPE(ctypes.c_short, ctypes.c_double, ctypes.c_void_p)
    signature = pytramp.Signature(prototype)
    assert signature == pytramp.Signature("short (double, void *)")


def test_as_ctypes_gives_the_same_classes() -> None:
    prototype = ctypes.CFUNCTYPE(IntPointer, Walker, Sub, ctypes.c_double, ctypes.c_char_p)
    closure = pytramp.callback(prototype, lambda *args: None)
    assert type(closure.as_ctypes()) is prototype


def test_decorators_and_options() -> None:
    @pytramp.callback(Handler, error=-1, name="plus", onerror=lambda exception: None)
    def plus(n: int) -> Any:
        return n + 1

    assert (plus.name, plus.signature) == ("plus", pytramp.Signature("int (int)"))
    assert plus.as_ctypes()(4) == 5


def test_options_reach_the_closure() -> None:
    with pytest.raises(ValueError, match="arrays must be 'memoryview' or 'numpy', not 'list'"):
        pytramp.callback(Handler, print, arrays="list")  # type: ignore[call-overload]
    types = pytramp.cdef("typedef struct { double x, y; } point;")
    closure = pytramp.callback("double (point p)", lambda p: p.x, types=types)
    decorated = pytramp.callback("double (point p)", types=types)(lambda p: p.x)
    assert closure.signature == decorated.signature
    assert closure.as_ctypes()(types.point(1, 2)) == 1


class Bare(ctypes._CFuncPtr):  # type: ignore[misc]
    _flags_ = 1


_Swapped: Any = getattr(ctypes.c_int, f"__ctype_{'be' if sys.byteorder == 'little' else 'le'}__")


class NoType:
    @staticmethod
    def from_param(value: object) -> object:
        return value


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: ctypes.CFUNCTYPE(None, ctypes.c_int, numbers.__class__),
            "argument 2: .*no arrays",
        ),
        (lambda: ctypes.CFUNCTYPE(len), "result: <built-in function len> is a Python function"),
        (lambda: ctypes.CFUNCTYPE(None, _Swapped), "argument 1: .*no native C type"),
        (lambda: ctypes.CFUNCTYPE(None, NoType), "argument 1: 'NoType' is not a C type"),
        (
            lambda: ctypes.CFUNCTYPE(None, ctypes.CFUNCTYPE(None, numbers.__class__)),
            "argument 1: argument 1: .*no arrays",
        ),
        (lambda: Bare, "'Bare' has no _restype_"),
        (lambda: twice, "the function <.*>: give its class, CFunctionType"),
        (lambda: ctypes.c_int, f"not the class {ctypes.c_int.__name__}"),
        (lambda: 5, "not int"),
    ],
)
def test_what_is_no_prototype(make: Callable[[], Any], text: str) -> None:
    for use in (pytramp.Signature, lambda made: pytramp.callback(made, print)):
        with pytest.raises(TypeError, match=text):
            use(make())


def test_types_go_with_text() -> None:
    with pytest.raises(TypeError, match="types= goes with a declaration"):
        pytramp.callback(Handler, print, types=5)
    with pytest.raises(TypeError, match="types= goes with a declaration"):
        pytramp.Signature(Handler, types=5)


def test_a_callable_is_no_specification() -> None:
    with pytest.raises(TypeError, match=r"callback\(\) takes a C declaration, a ctypes prototype"):
        pytramp.callback(print, print)  # type: ignore[call-overload]


def test_the_class_lives_as_long_as_its_signature() -> None:
    def make() -> tuple[pytramp.Signature, Any]:
        class Local(ctypes.c_int):
            pass

        return pytramp.Signature(ctypes.CFUNCTYPE(Local, Local)), weakref.ref(Local)

    signature, ref = make()
    gc.collect()
    assert ref() is not None
    assert signature(lambda n: n) is not None


# ---- C as the caller ----


def test_c_calls_with_pointers_and_functions() -> None:
    lib = tools.library(
        """
        typedef struct { double x, y; } point;
        typedef int (*handler)(int);
        double walk(double (*f)(point *, handler, const char *), handler g) {
            point p = {1, 2};
            return f(&p, g, "go") + p.x;
        }
        """
    )
    lib.walk.restype = ctypes.c_double
    prototype = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.POINTER(Point), Handler, ctypes.c_char_p)

    @pytramp.callback(prototype)
    def step(point: Any, function: Any, text: bytes) -> float:
        point.contents.x = function(20)
        return len(text) + float(point[0].y)

    assert lib.walk(step, twice) == 2 + 2 + 40
