"""Python objects and annotations as C types."""

from __future__ import annotations

import copy
import ctypes
import functools
import subprocess
import sys
from collections.abc import Callable
from typing import Annotated, Any

import pytest
import tools

import pytramp
from pytramp import Pointer, VarArgs, c
from pytramp.annotations import of_callable, pointer_type, to_type

INTS = (ctypes.c_int * 3).__name__  # where int and long are alike, it says long


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_double), ("y", ctypes.c_double)]


class Wide(Point):
    _fields_ = [
        ("text", ctypes.c_char_p),
        ("handler", ctypes.CFUNCTYPE(None)),
        ("next", ctypes.POINTER(Point)),
        ("grid", ctypes.c_short * 3 * 2),
        ("corners", Point * 2),
    ]


class Number(ctypes.Union):
    _fields_ = [("i", ctypes.c_longlong), ("f", ctypes.c_float)]


class Anonymous(ctypes.Structure):
    _anonymous_ = ["number"]
    _fields_ = [("number", Number), ("kind", ctypes.c_int)]


class Packed(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("a", ctypes.c_char), ("b", ctypes.c_int)]


class Derived(Point):
    pass


class Bits(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int), ("flag", ctypes.c_int, 3)]


class HasBits(ctypes.Structure):
    _fields_ = [("bits", Bits)]


class Incomplete(ctypes.Structure):
    pass


class Twice(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int64), ("a", ctypes.c_double)]


class HasObject(ctypes.Structure):
    _fields_ = [("o", ctypes.py_object)]


class HasEmptyArray(ctypes.Structure):
    _fields_ = [("n", ctypes.c_int), ("rest", ctypes.c_int * 0)]


_Other: Any = (
    ctypes.BigEndianStructure if sys.byteorder == "little" else ctypes.LittleEndianStructure
)


class Swapped(_Other):  # type: ignore[misc]
    _fields_ = [("a", ctypes.c_int)]


class HasSwapped(ctypes.Structure):
    _fields_ = [("inner", Swapped)]


class Sub(ctypes.c_int):
    pass


class HasSub(ctypes.Structure):
    _fields_ = [("a", Sub)]


_OtherInt: Any = getattr(ctypes.c_int, f"__ctype_{'be' if sys.byteorder == 'little' else 'le'}__")


@pytest.mark.parametrize(
    ("spec", "spelling"),
    [
        (int, "int"),
        (float, "double"),
        (bool, "_Bool"),
        (complex, "double _Complex"),
        ("unsigned long", "unsigned long"),
        ("const void *", "const void *"),
        ("int32_t", "int32_t"),
        (c.int, "int"),
        (c.float, "float"),
        (c.bool, "_Bool"),
        (c.char, "char"),
        (c.wchar, "wchar_t"),
        (c.uint64, "uint64_t"),
        *([(c.int128, "__int128")] if tools.INT128 else []),
        (c.size_t, "size_t"),
        (c.longdouble, "long double"),
        (c.complex_float, "float _Complex"),
        (c.void_p, "void *"),
        (c.CType("unsigned short"), "unsigned short"),
        (Annotated[int, "a count", c.CType("unsigned")], "unsigned int"),
        (Annotated[ctypes.c_short, "a count"], "short"),
        (ctypes.c_bool, "_Bool"),
        (ctypes.c_char, "char"),
        (ctypes.c_wchar, "wchar_t"),
        (ctypes.c_byte, "signed char"),
        (ctypes.c_ubyte, "unsigned char"),
        (ctypes.c_short, "short"),
        (ctypes.c_ushort, "unsigned short"),
        (ctypes.c_int, "int"),
        (ctypes.c_uint, "unsigned int"),
        (ctypes.c_float, "float"),
        (ctypes.c_double, "double"),
        (ctypes.c_void_p, "void *"),
        (ctypes.c_char_p, "char *"),
        (ctypes.c_wchar_p, "wchar_t *"),
        (ctypes.py_object, "PyObject *"),
        (ctypes.POINTER(ctypes.c_int), "int *"),
        (ctypes.POINTER(Point), "struct Point *"),
        (ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_double), "int (*)(double)"),
        (Sub, "int"),
        (Point, "struct Point"),
        (Number, "union Number"),
    ],
)
def test_spelling_of_types(spec: object, spelling: str) -> None:
    assert str(pytramp.Signature.from_types(None, spec)) == f"void ({spelling})"


ALIASES = [
    name
    for name in dir(c)
    if isinstance(getattr(c, name), type(c.int))
    and name != "varargs"
    and (tools.INT128 or "int128" not in name)
]


@pytest.mark.parametrize("name", ALIASES)
def test_every_alias_is_a_type(name: str) -> None:
    result = to_type(getattr(c, name), "argument 1")
    assert result.size > 0


@pytest.mark.parametrize("name", [name for name in ALIASES if f"{name}_p" in ALIASES])
def test_every_alias_has_its_pointers(name: str) -> None:
    target = to_type(getattr(c, name), "argument 1")
    for alias, spelling in ((f"{name}_p", ""), (f"const_{name}_p", "const ")):
        result = to_type(getattr(c, alias), "argument 1")
        if name != "void":
            assert (result.kind, result.target) == ("pointer", target)
        assert result.spelling == f"{spelling}{target.spelling} *"
        assert result.readonly == bool(spelling)


def test_the_scalars_all_have_pointers() -> None:
    scalars = {name for name in ALIASES if to_type(getattr(c, name), "argument 1").kind == "scalar"}
    pointers = {name[:-2] for name in ALIASES if name.endswith("_p")}
    assert scalars <= pointers
    assert len(scalars) > 30


def test_from_types_equals_the_declaration() -> None:
    signature = pytramp.Signature.from_types(ctypes.c_int, ctypes.c_void_p, c.double, "size_t")
    assert signature == pytramp.Signature("int (void *, double, size_t)")


@pytest.mark.parametrize(
    "name",
    "byte ubyte short ushort int uint long ulong longlong ulonglong size_t longdouble".split(),
)
def test_ctypes_classes_keep_their_size(name: str) -> None:
    cls = getattr(ctypes, f"c_{name}")
    assert to_type(cls, "result").size == ctypes.sizeof(cls)


@pytest.mark.parametrize("cls", [Point, Wide, Number, Anonymous, Packed, Derived, HasSub])
def test_aggregates_keep_layout_and_class(cls: Any) -> None:
    result = to_type(cls, "argument 1")
    assert (result.size, result.alignment) == (ctypes.sizeof(cls), ctypes.alignment(cls))
    assert result.ctype is cls


def members_of(cls: type) -> list[tuple[str, int, int]]:
    from pytramp import _aggregates

    return [(member.spelling, n, offset) for member, n, offset in _aggregates.members_of(cls)]


def test_members_of_base_classes_come_first() -> None:
    pointer = ctypes.sizeof(ctypes.c_void_p)
    assert members_of(Wide) == [
        ("double", 1, 0),
        ("double", 1, 8),
        ("void *", 1, 16),
        ("void *", 1, 16 + pointer),
        ("void *", 1, 16 + 2 * pointer),
        ("short", 6, 16 + 3 * pointer),
        ("struct Point", 2, Wide.corners.offset),
    ]


def test_members_keep_packed_offsets() -> None:
    assert members_of(Packed) == [("char", 1, 0), ("int", 1, 1)]


def test_members_of_a_union_overlap() -> None:
    assert [offset for _, _, offset in members_of(Number)] == [0, 0]


def test_bit_fields_are_integers_of_the_bytes_that_they_are_in() -> None:
    assert members_of(Bits) == [("int", 1, 0), ("bit-field", 1, 4)]


def test_a_flexible_array_is_no_member() -> None:
    assert members_of(HasEmptyArray) == [("int", 1, 0)]


@pytest.mark.parametrize(
    ("spec", "fragment"),
    [
        (ctypes.c_int * 3, "C passes no arrays"),
        (ctypes.CFUNCTYPE(None, ctypes.c_int * 3), f"argument 1: '{INTS}': C passes no"),
        (_OtherInt, "no native C type has its layout"),
        (Incomplete, "'Incomplete' is incomplete"),
        (ctypes.Structure, "'Structure' is incomplete"),
        (Twice, "Twice.a: two fields have this name"),
        (HasObject, "HasObject.o: 'py_object'"),
        (Swapped, "'Swapped' has its bytes swapped"),
        (HasSwapped, "'Swapped' has its bytes swapped"),
        ("struct s", "'struct s' by value is unknown"),
        (Annotated[int, c.CType("__float128")], "'__float128' is not supported"),
        (Annotated[c.int, c.CType("long")], "more than one C type"),
    ],
)
def test_unsupported_types(spec: object, fragment: str) -> None:
    with pytest.raises(pytramp.UnsupportedTypeError) as caught:
        pytramp.Signature.from_types(int, float, spec)
    assert str(caught.value).startswith("argument 2: ")
    assert fragment in str(caught.value)


def test_fields_changed_after_the_class_was_made() -> None:
    fields: list[tuple[str, Any]] = [("a", ctypes.c_int)]

    class Changed(ctypes.Structure):
        _fields_ = fields

    fields.append(("b", ctypes.c_int))
    with pytest.raises(pytramp.UnsupportedTypeError, match=r"Changed\.b: _fields_ is not what"):
        to_type(Changed, "result")


@pytest.mark.parametrize(
    ("spec", "fragment"),
    [
        (5, "5 is not a C type"),
        (object, "'object' is not a C type"),
        (str, "'str' is not one C type"),
        (bytes, "'bytes' is not one C type"),
        ([int], "is not a C type"),
        (list[int], "is not a C type"),
        (ctypes.c_int(5), f"{ctypes.c_int.__name__}(5) is a ctypes object: give its class"),
        (Point(), "is a ctypes object: give its class"),
        (None, "'void' can only be a result"),
        ("void", "'void' can only be a result"),
    ],
)
def test_things_that_are_no_types(spec: object, fragment: str) -> None:
    with pytest.raises(TypeError) as caught:
        pytramp.Signature.from_types(None, spec)
    assert not isinstance(caught.value, pytramp.UnsupportedTypeError)
    assert str(caught.value).startswith("argument 1: ")
    assert fragment in str(caught.value)


def test_a_wrong_spelling_has_its_place_and_column() -> None:
    with pytest.raises(pytramp.DeclarationError) as caught:
        pytramp.Signature.from_types("const flot")
    assert str(caught.value).startswith("result: unknown type name 'flot'; did you mean 'float'?\n")
    assert caught.value.column == 7


def spelled(function: Callable[..., object]) -> tuple[str, list[str]]:
    prototype = of_callable(function)
    return prototype.result.spelling, [argument.spelling for argument in prototype.arguments]


def test_annotations_of_a_function() -> None:
    def scale(x: c.double, n: ctypes.c_int, /, data: c.void_p = None, *, extra: str = "") -> None:
        pass

    prototype = of_callable(scale)
    assert spelled(scale) == ("void", ["double", "int", "void *"])
    assert prototype.names == ("x", "n", "data")
    assert prototype.name == "scale"


def declared(function: Callable[..., object]) -> str:
    return str(pytramp.callback(function).signature)


def test_arrays_and_their_lengths() -> None:
    def dot(
        n: c.size_t,
        x: Annotated[memoryview, c.CType("const double [n]")],
        y: Annotated[memoryview, c.CType("double [2 * n]")],
    ) -> c.double:
        assert len(y) == 2 * n
        return float(sum(x))

    assert declared(dot) == "double (size_t n, const double [n], double [2 * n])"
    numbers = (ctypes.c_double * 4)(1, 2, 3, 4)
    function = pytramp.callback(dot).as_ctypes(
        ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p)
    )
    assert function(2, ctypes.addressof(numbers), ctypes.addressof(numbers)) == 3


def test_pointers_that_may_be_null() -> None:
    got = []

    def keep(p: Annotated[Pointer[int] | None, c.CType("int *")]) -> None:
        got.append(p if p is None else p[0])

    assert declared(keep) == "void (int *)"
    function = pytramp.callback(keep).as_ctypes(ctypes.CFUNCTYPE(None, ctypes.c_void_p))
    function(None)
    seven = ctypes.c_int(7)
    function(ctypes.addressof(seven))
    assert got == [None, 7]


def test_variadic_functions() -> None:
    def log(level: c.int, fmt: c.const_char_p, rest: c.varargs) -> c.int:
        return rest.arg("int") + level

    assert declared(log) == "int (int, const char *, ...)"
    assert of_callable(log).names == ("level", "fmt")
    lib = tools.library('int call_it(int (*f)(int, const char *, ...)) { return f(1, "", 2); }')
    assert lib.call_it(pytramp.callback(log)) == 3


def test_objects_and_lists_of_arguments() -> None:
    def show(args: c.va_list, what: c.py_object) -> c.py_object:
        return what

    assert declared(show) == "PyObject *(va_list, PyObject *)"


def test_classes_of_ctypes() -> None:
    handler = ctypes.CFUNCTYPE(ctypes.c_int)

    def use(p: ctypes.POINTER(Point), f: handler, t: ctypes.c_char_p) -> handler:  # type: ignore
        return f

    # The annotations are text here, and `handler` is local: what get_type_hints cannot see.
    use.__annotations__ = dict(p=ctypes.POINTER(Point), f=handler, t=ctypes.c_char_p)
    use.__annotations__["return"] = handler
    assert declared(use) == "int (*(struct Point *, int (*)(void), char *))(void)"


def test_annotations_that_are_text() -> None:
    def area(width: "c.double", height: "float") -> "ctypes.c_double":  # noqa: UP037
        return width * height  # type: ignore[return-value]

    assert spelled(area) == ("double", ["double", "double"])


class Counter:
    start: int = 0

    def add(self, n: int) -> int:
        return n

    def __call__(self, n: c.long) -> c.long:
        return n


def test_annotations_of_methods_and_wrappers() -> None:
    def add(a: int, b: float) -> bool:
        return a > b

    assert spelled(Counter().add) == ("int", ["int"])
    assert spelled(Counter()) == ("long", ["long"])
    assert spelled(functools.partial(add, 1)) == ("_Bool", ["double"])
    assert spelled(functools.lru_cache(add)) == ("_Bool", ["int", "double"])


def no_parameter(a) -> int: ...  # type: ignore[no-untyped-def, empty-body]


def no_result(a: int): ...  # type: ignore[no-untyped-def]


def starred(a: int, *rest: int) -> int: ...  # type: ignore[empty-body]


def keyword_only(a: int, *, b: int) -> int: ...  # type: ignore[empty-body]


def array(a: int, p: ctypes.c_int * 3) -> int: ...  # type: ignore


def optional(a: int | None) -> int: ...  # type: ignore[empty-body]


def unknown(a: Missing) -> int: ...  # type: ignore # noqa: F821


def no_c_type(a: int, p: Pointer[float]) -> int: ...  # type: ignore[empty-body]


def no_c_type_or_none(p: Pointer[bytes] | None) -> int: ...  # type: ignore[empty-body]


def any_pointer(p: Pointer) -> int: ...  # type: ignore


def a_reader(p: VarArgs) -> int: ...  # type: ignore[empty-body]


def varargs_first(rest: c.varargs, a: int) -> int: ...  # type: ignore[empty-body]


def varargs_alone(rest: c.varargs) -> int: ...  # type: ignore[empty-body]


def no_length(a: Annotated[memoryview, c.CType("int [n]")]) -> int: ...  # type: ignore[empty-body]


def void_parameter(a: None) -> int: ...  # type: ignore[empty-body]


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (no_parameter, "parameter 'a' has no annotation"),
        (no_result, "the result has no annotation"),
        (starred, "parameter '*rest': a C function has a fixed number of parameters"),
        (starred, "for '...' annotate the last one with pytramp.c.varargs"),
        (no_c_type, "parameter 'p': Pointer[float] does not say which C type it points at: use"),
        (no_c_type, "use pytramp.c.double_p or const_double_p, or Annotated[Pointer[float], pyt"),
        (no_c_type_or_none, "use pytramp.c.char_p or const_char_p"),
        (any_pointer, "parameter 'p': Pointer does not say"),
        (a_reader, "parameter 'p': VarArgs is no C type: use pytramp.c.va_list or"),
        (varargs_first, "parameter 'rest': '...' (pytramp.c.varargs) can only be the last"),
        (varargs_alone, "'...' (pytramp.c.varargs) needs a parameter before it"),
        (no_length, "parameter 'a': there is no parameter 'n' for the length of 'int [n]'"),
        (keyword_only, "parameter 'b' is keyword-only and has no default"),
        (array, f"parameter 'p': '{INTS}': C passes no arrays"),
        (optional, "parameter 'a': int | None is not a C type"),
        (unknown, "the annotations of unknown cannot be evaluated: name 'Missing'"),
        (void_parameter, "parameter 'a': 'void' can only be a result"),
        (lambda a: a, "parameter 'a' has no annotation"),
        (int, "int"),
    ],
)
def test_callables_without_a_c_type(function: Callable[..., object], fragment: str) -> None:
    with pytest.raises(TypeError) as caught:
        of_callable(function)
    assert fragment in str(caught.value)


def test_a_c_type_as_bare_text_gets_a_hint() -> None:
    def function(a: int) -> int:
        return a

    function.__annotations__["a"] = "unsigned long"
    with pytest.raises(TypeError, match="needs Annotated"):
        of_callable(function)


# ---- Pointer(spec, address) ----

_cell = (ctypes.c_int * 3)(0x01010101, 2, 3)
_points = (Point * 2)(Point(1, 2))


@pytest.mark.parametrize(
    ("spec", "cell", "value"),
    [
        ("const int *", _cell, 0x01010101),
        (c.int_p, _cell, 0x01010101),
        (c.const_uchar_p, _cell, 1),
        (c.CType("int *"), _cell, 0x01010101),
        (Annotated[Pointer[int] | None, c.CType("int *")], _cell, 0x01010101),
        (ctypes.POINTER(ctypes.c_int), _cell, 0x01010101),
        (ctypes.c_char_p, _cell, b"\1"),
        (pointer_type("int *"), _cell, 0x01010101),
    ],
)
def test_pointer_types(spec: Any, cell: Any, value: object) -> None:
    result = pointer_type(spec)
    assert result.kind == "pointer"
    pointer = Pointer(spec, ctypes.addressof(cell))
    assert pointer[0] == value
    assert pointer.readonly == result.readonly
    assert pointer.cast(spec)[0] == value


def test_pointers_to_structures() -> None:
    pointer = Pointer(ctypes.POINTER(Point), ctypes.addressof(_points))
    assert (pointer[0].x, pointer.y) == (1, 2)


@pytest.mark.parametrize(
    "spec",
    ["int", "void *", "int [3]", c.int, c.void_p, int, None, 5, ctypes.c_int, ctypes.c_void_p]
    + [ctypes.CFUNCTYPE(None), Point, Pointer[int], c.varargs, to_type("int", "result")],
)
def test_what_is_no_pointer_type(spec: object) -> None:
    with pytest.raises(TypeError, match="is no type of pointers to values: expected text such as"):
        Pointer(spec, 8)


def test_ctype_marks_are_values() -> None:
    mark = c.CType("int")
    assert mark == c.CType("int")
    assert mark != c.CType("long")
    assert copy.copy(mark) == mark
    assert hash(mark) == hash(c.CType("int"))
    with pytest.raises(AttributeError):
        mark.spelling = "long"  # type: ignore[misc]


def test_types_without_ctypes_do_not_import_it() -> None:
    code = (
        "import sys, pytramp\n"
        "from pytramp import annotations, c\n"
        "def f(a: c.int, b: float) -> None: ...\n"
        "annotations.of_callable(f)\n"
        "pytramp.Signature.from_types(c.double, int, 'const void *')\n"
        "print('ctypes' in sys.modules, '_ctypes' in sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]


DEFERRED = """
def function(n: Later, p: c.const_int_p) -> c.double:
    return n + p[0]

Later = ctypes.c_int
"""


@pytest.mark.skipif(sys.version_info < (3, 14), reason="annotations are evaluated at once")
def test_annotations_that_are_evaluated_later() -> None:
    """PEP 649: a name may be defined after the function."""
    names: dict[str, Any] = {"ctypes": ctypes, "c": c}
    exec(compile(DEFERRED, "deferred", "exec", dont_inherit=True), names)
    assert str(pytramp.callback(names["function"]).signature) == "double (int, const int *)"


@pytest.mark.skipif(sys.version_info < (3, 14), reason="annotations are evaluated at once")
def test_annotations_that_never_can_be_evaluated() -> None:
    names: dict[str, Any] = {"c": c}
    exec(compile("def f(x: Missing) -> None: ...", "f", "exec", dont_inherit=True), names)
    with pytest.raises(TypeError, match=r"the annotations of f cannot be evaluated: .*'Missing'"):
        pytramp.callback(names["f"])


def test_types_are_names_for_annotations() -> None:
    types = pytramp.cdef("typedef struct { double x, y; } point;")

    @pytramp.callback(types=types, name="norm")
    def norm(p: Annotated[Any, c.CType("const point *")]) -> c.double:
        return float(p.x + p.y)

    assert str(norm.signature) == "double (const point *)"
    assert norm(pytramp.Pointer("point *", types.point(1, 2), types=types)) == 3
    with pytest.raises(pytramp.DeclarationError, match="unknown type name 'point'"):
        pytramp.callback(norm.__wrapped__)
