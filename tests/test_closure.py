"""Closure: how one is made, what it shows, how long it lives."""

from __future__ import annotations

import copy
import ctypes
import functools
import gc
import inspect
import operator
import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import tools

import pytramp
from pytramp import _core, c

SIGNATURE = pytramp.Signature("int (int)")
PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


def twice(n: c.int) -> c.int:
    return 2 * n


def through_c(closure: pytramp.Closure, *args: Any) -> Any:
    return closure.as_ctypes()(*args)


# ---- Making one ----

FORMS: list[Callable[[Any], pytramp.Closure]] = [
    lambda f: pytramp.callback("int (int)", f),
    lambda f: pytramp.callback("int (int)")(f),
    lambda f: pytramp.callback(SIGNATURE, f),
    lambda f: pytramp.callback(SIGNATURE)(f),
    lambda f: pytramp.callback(f),
    lambda f: pytramp.callback()(f),
    lambda f: pytramp.callback("int (int)", f, name="f", error=1, onerror=None, immortal=False),
    lambda f: pytramp.callback("int (int)", name="f", error=1)(f),
    lambda f: pytramp.callback(name="f", error=1)(f),
    lambda f: SIGNATURE(f),
    lambda f: SIGNATURE(f, name="f", error=1, onerror=print, immortal=False),
    lambda f: pytramp.Signature.from_types(ctypes.c_int, ctypes.c_int)(f),
]


@pytest.mark.parametrize("form", range(len(FORMS)))
def test_every_form_makes_the_same(form: int) -> None:
    """Decorator, call, Signature and annotations: a C function of that type that calls twice."""
    closure = FORMS[form](twice)
    assert type(closure) is pytramp.Closure
    assert closure.__wrapped__ is twice
    assert closure.signature == SIGNATURE
    assert closure.origin == f"{__file__}:{FORMS[form].__code__.co_firstlineno}"
    assert through_c(closure, 21) == 42


class Tools:
    factor = 3

    def method(self, n: int) -> int:
        return self.factor * n

    @staticmethod
    def static(n: int) -> int:
        return 3 * n

    @classmethod
    def cls(cls, n: int) -> int:
        return cls.factor * n

    def __call__(self, n: int) -> int:
        return 3 * n

    def decorated_inside(self) -> pytramp.Closure:
        @pytramp.callback("int (int)")
        def inner(n: int) -> int:
            return self.factor * n

        return inner


def with_default(n: int, factor: int = 3) -> int:
    return factor * n


def with_star(*ns: int) -> int:
    return 3 * ns[0]


def with_keyword(n: int, *, factor: int = 3) -> int:
    return factor * n


CALLABLES: list[tuple[Any, str]] = [
    (Tools().method, "Tools.method"),
    (Tools.static, "Tools.static"),
    (Tools.cls, "Tools.cls"),
    (Tools.__dict__["static"], "Tools.static"),
    (Tools(), "Tools"),
    (functools.partial(operator.mul, 3), "mul"),
    (functools.partial(functools.partial(Tools.method), Tools()), "Tools.method"),
    (functools.partial(Tools()), "Tools"),
    (functools.lru_cache(with_default), "with_default"),
    ((0, 3, 6, 9).__getitem__, "tuple.__getitem__"),
    ((3).__mul__, "int.__mul__"),
    (range(0, 30, 3).__getitem__, "range.__getitem__"),
    (lambda n: 3 * n, "<lambda>"),
    (with_default, "with_default"),
    (with_star, "with_star"),
    (with_keyword, "with_keyword"),
    (SIGNATURE(Tools.static), "pytramp.Closure"),
]


@pytest.mark.parametrize(("function", "name"), CALLABLES, ids=[name for _, name in CALLABLES])
def test_any_callable(function: Any, name: str) -> None:
    """Whatever Python can call with the arguments, C can; the name is the callable's own."""
    closure = SIGNATURE(function)
    assert through_c(closure, 2) == 6
    assert closure.__wrapped__ is function
    assert closure.name == name
    assert SIGNATURE(function, name="own").name == "own"


def test_a_class_and_a_builtin() -> None:
    assert through_c(SIGNATURE(abs), -5) == 5
    assert through_c(SIGNATURE(int), -5) == -5
    assert through_c(Tools().decorated_inside(), 2) == 6


# ---- What it shows ----


def test_attributes() -> None:
    closure = pytramp.callback("int (int)", twice)
    address = closure.address
    assert type(address) is int
    assert address > 0
    assert _core.owns(address)
    assert not _core.owns(address + 1)
    assert int(closure) == operator.index(closure) == address
    assert hex(closure) == hex(address)
    assert ctypes.cast(closure.as_ctypes(), ctypes.c_void_p).value == address
    parameter = closure._as_parameter_
    assert ctypes.cast(parameter, ctypes.c_void_p).value == address
    assert closure.signature == SIGNATURE
    assert str(closure.signature) == "int (int)"
    assert closure.closed is False
    assert inspect.unwrap(closure) is twice
    assert list(inspect.signature(closure).parameters) == ["n"]


@pytest.mark.parametrize(
    "name", ["address", "signature", "name", "closed", "origin", "__wrapped__", "_as_parameter_"]
)
def test_attributes_are_read_only(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(SIGNATURE(twice), name, None)


def test_calling_it_in_python_converts_nothing() -> None:
    """closure(...) is the callable itself: any objects, keywords, exceptions."""
    marker = object()
    closure = pytramp.callback("int (int)", lambda *args, **named: (args, named))
    assert closure(marker, "b", key=marker) == ((marker, "b"), {"key": marker})
    assert closure() == ((), {})
    with pytest.raises(ZeroDivisionError):
        SIGNATURE(lambda n: 1 // n)(0)


def test_repr() -> None:
    closure = pytramp.callback("int (int)", twice, name="dou'ble")
    place = tools.shown(closure.address)
    assert repr(closure) == f"<pytramp.Closure 'dou'ble' int (int) at {place}>"
    closure.close()
    assert repr(closure) == "<pytramp.Closure 'dou'ble' int (int), closed>"


def test_identity() -> None:
    """Equal to itself only, hashable, open or closed."""
    one, other = SIGNATURE(twice), SIGNATURE(twice)
    assert one.address != other.address
    assert one == one
    assert one != other
    assert len({one, other, one}) == 2
    before = hash(one)
    one.close()
    assert hash(one) == before
    assert {one: 1}[one] == 1


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize(
    "way",
    [copy.copy, copy.deepcopy, *(functools.partial(pickle.dumps, protocol=n) for n in range(6))],
)
def test_no_copies(way: Callable[[object], object], closed: bool) -> None:
    """The address is the identity: copying and pickling say so."""
    closure = SIGNATURE(twice)
    if closed:
        closure.close()
    with pytest.raises(TypeError, match=r"cannot copy or pickle <pytramp\.Closure 'twice'"):
        way(closure)


def test_no_direct_construction_and_no_subclass() -> None:
    with pytest.raises(TypeError, match="callback"):
        pytramp.Closure()
    with pytest.raises(TypeError):
        type("Sub", (pytramp.Closure,), {})
    with pytest.raises(TypeError):
        pytramp.Closure.extra = 1


# ---- Closing ----

NEEDS_OPEN: list[Callable[[Any], object]] = [
    lambda closure: closure.address,
    int,
    operator.index,
    lambda closure: closure.__wrapped__,
    lambda closure: closure(1),
    lambda closure: closure.as_ctypes(),
    lambda closure: closure.as_ctypes(PROTOTYPE),
    lambda closure: closure._as_parameter_,
    lambda closure: closure.__enter__(),
]


@pytest.mark.parametrize("use", NEEDS_OPEN)
def test_a_closed_one_has_no_address(use: Callable[[Any], object]) -> None:
    closure = SIGNATURE(twice)
    use(closure)
    closure.close()
    with pytest.raises(pytramp.FreedCallbackError, match="'twice' int"):
        use(closure)


def test_a_closed_one_still_says_what_it_was() -> None:
    closure = SIGNATURE(twice)
    origin = closure.origin
    closure.close()
    assert closure.closed is True
    assert (closure.name, closure.origin) == ("twice", origin)
    assert closure.signature == SIGNATURE
    assert closure.close() is None


def test_with_closes() -> None:
    with SIGNATURE(twice) as closure:
        assert through_c(closure, 1) == 2
    assert closure.closed
    with pytest.raises(KeyError), SIGNATURE(twice) as closure:
        raise KeyError
    assert closure.closed
    with SIGNATURE(twice) as closure:
        closure.close()
    assert closure.closed


def test_close_lets_go_of_the_callable() -> None:
    """The one for errors goes with the closure: a call that is inside may need it."""

    def function(n: int) -> int:
        return n

    def onerror(exception: BaseException) -> None: ...

    kept = [weakref.ref(function), weakref.ref(onerror)]
    closure = SIGNATURE(function, onerror=onerror)
    del function, onerror
    assert all(ref() is not None for ref in kept)
    closure.close()
    assert kept[0]() is None
    del closure
    assert kept[1]() is None


def test_live_closures_are_counted() -> None:
    gc.collect()
    before = pytramp.stats()["live"]
    closures = [SIGNATURE(twice) for _ in range(10)]
    assert pytramp.stats()["live"] == before + 10
    closures[0].close()
    del closures[5:]
    assert pytramp.stats()["live"] == before + 4


def test_immortal_lives_until_closed() -> None:
    closure = SIGNATURE(twice, immortal=True)
    ref, function = weakref.ref(closure), PROTOTYPE(closure.address)
    del closure
    gc.collect()
    assert function(4) == 8
    ref().close()
    assert ref() is None


def test_weakref_callback_runs_when_it_goes() -> None:
    gone = []
    closure = SIGNATURE(twice)
    ref = weakref.ref(closure, gone.append)
    del closure
    assert gone == [ref]


# ---- ctypes ----


class Field(ctypes.Structure):
    _fields_ = [("pad", ctypes.c_char), ("function", PROTOTYPE)]


class Nested(ctypes.Structure):
    _fields_ = [("fields", Field * 2)]


def in_field(function: Any) -> tuple[Any, Callable[[], Any]]:
    struct = Field()
    struct.function = function
    return struct, lambda: struct.function


def in_constructed(function: Any) -> tuple[Any, Callable[[], Any]]:
    struct = Field(b"a", function)
    return struct, lambda: struct.function


def in_array(function: Any) -> tuple[Any, Callable[[], Any]]:
    array = (PROTOTYPE * 3)()
    array[1] = function
    return array, lambda: array[1]


def in_nested(function: Any) -> tuple[Any, Callable[[], Any]]:
    struct = Nested()
    struct.fields[1].function = function
    return struct, lambda: struct.fields[1].function


def in_assigned_struct(function: Any) -> tuple[Any, Callable[[], Any]]:
    struct, field = Nested(), Field()
    field.function = function
    struct.fields[0] = field
    return struct, lambda: struct.fields[0].function


def in_cast(function: Any) -> tuple[Any, Callable[[], Any]]:
    pointer = ctypes.cast(function, ctypes.c_void_p)
    return pointer, lambda: ctypes.cast(pointer, PROTOTYPE)


def in_casts(function: Any) -> tuple[Any, Callable[[], Any]]:
    other = ctypes.cast(ctypes.cast(function, ctypes.c_void_p), ctypes.CFUNCTYPE(None))
    return other, lambda: ctypes.cast(other, PROTOTYPE)


def in_pointer(function: Any) -> tuple[Any, Callable[[], Any]]:
    pointer = ctypes.pointer(function)
    return pointer, lambda: pointer.contents


def by_itself(function: Any) -> tuple[Any, Callable[[], Any]]:
    return function, lambda: function


PLACES = [
    by_itself,
    in_field,
    in_constructed,
    in_array,
    in_nested,
    in_assigned_struct,
    in_cast,
    in_casts,
    in_pointer,
]


@pytest.mark.parametrize("explicit", [False, True])
@pytest.mark.parametrize("place", PLACES)
def test_as_ctypes_keeps_it_alive(place: Callable[[Any], Any], explicit: bool) -> None:
    """Wherever ctypes puts the function pointer, the closure lives as long as that does."""
    closure = SIGNATURE(lambda n: 2 * n)
    ref = weakref.ref(closure)
    holder, get = place(closure.as_ctypes(PROTOTYPE) if explicit else closure.as_ctypes())
    del closure
    gc.collect()
    assert get()(21) == 42
    assert ref() is not None
    del holder, get
    gc.collect()
    assert ref() is None


def test_as_ctypes_prototypes() -> None:
    closure = SIGNATURE(twice)
    assert type(closure.as_ctypes()) is PROTOTYPE
    other = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_uint)
    assert type(closure.as_ctypes(other)) is type(closure.as_ctypes(prototype=other)) is other
    assert closure.as_ctypes(other)(7) == 14


@pytest.mark.parametrize("wrong", [ctypes.c_int, int, 3, "int (int)"])
def test_as_ctypes_takes_prototypes_only(wrong: object) -> None:
    with pytest.raises((TypeError, ctypes.ArgumentError)):
        SIGNATURE(twice).as_ctypes(wrong)


class Halves(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_int64)]


@tools.int128
@pytest.mark.parametrize(
    ("declaration", "place", "prototype"),
    [
        pytest.param(
            *("__int128 (int)", "result: .*__int128", ctypes.CFUNCTYPE(Halves, ctypes.c_int)),
            marks=pytest.mark.skipif(sys.platform == "win32", reason="Windows returns it in xmm0"),
        ),
        (
            "void (unsigned __int128)",
            "argument 1: .*unsigned __int128",
            ctypes.CFUNCTYPE(None, Halves),
        ),
    ],
)
def test_types_that_ctypes_lacks(declaration: str, place: str, prototype: Any) -> None:
    """The error names the type; the closure itself works, also under a prototype of the caller."""
    closure = pytramp.callback(declaration, lambda *args: 0)
    with pytest.raises(pytramp.UnsupportedTypeError, match=place):
        closure.as_ctypes()
    assert closure.as_ctypes(prototype)


OTHERS = [
    ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_char_p),
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_float),
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_longlong),
    ctypes.CFUNCTYPE(ctypes.c_int),
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int),
    ctypes.CFUNCTYPE(ctypes.c_int, Halves),
]


@pytest.mark.parametrize("prototype", OTHERS)
def test_as_ctypes_of_another_type(prototype: Any) -> None:
    with pytest.raises(TypeError, match=r"'int \(int\w*\)' is no '\w+ \(.*\)'"):
        pytramp.callback("int (int)", twice).as_ctypes(prototype)


def test_as_ctypes_with_other_pointers() -> None:
    closure = pytramp.callback("int (const char *, void *)", lambda text, data: 3)
    other = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_double))
    assert closure.as_ctypes(other)(None, None) == 3


APPLY = """
int apply(int (*f)(int), int n) { return f(n); }
int first(int (*f)(const int *), const int *p) { return f(p); }
int variadic(int (*f)(int, ...), int n) { return f(n, 3); }
"""


def test_ctypes_takes_it_as_an_argument() -> None:
    """With and without argtypes; the address is not cut to 32 bits."""
    lib = tools.library(APPLY)
    assert lib.apply(SIGNATURE(twice), 21) == 42
    for kind in (ctypes.c_void_p, PROTOTYPE):
        lib.apply.argtypes = [kind, ctypes.c_int]
        assert lib.apply(SIGNATURE(twice), 21) == 42
        assert lib.apply(SIGNATURE(twice).as_ctypes(), 21) == 42
    variadic = pytramp.callback("int (int, ...)", lambda n, rest: 2 * n)
    assert lib.variadic(variadic, 21) == 42
    assert isinstance(variadic._as_parameter_, ctypes.c_void_p)


def test_argtypes_of_other_types() -> None:
    """The error says what to do; ctypes' own pointers are what as_ctypes(prototype) is for."""
    lib = tools.library(APPLY)
    pointers = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int))
    lib.first.argtypes = [pointers, ctypes.POINTER(ctypes.c_int)]
    closure = pytramp.callback("int (const int *)", lambda p: p[0])
    number = ctypes.byref(ctypes.c_int(7))
    with pytest.raises(ctypes.ArgumentError, match=r"for a prototype: its as_ctypes\(prototype\)"):
        lib.first(closure, number)
    assert lib.first(closure.as_ctypes(pointers), number) == 7


def test_a_parameter_keeps_the_closure() -> None:
    closure = SIGNATURE(twice)
    ref, parameter = weakref.ref(closure), closure._as_parameter_
    del closure
    gc.collect()
    assert parameter(21) == 42
    assert ref() is not None
    del parameter
    assert ref() is None


def field_of(*types: Any) -> Any:
    return type("Fields", (ctypes.Structure,), {"_fields_": [("f", ctypes.CFUNCTYPE(*types))]})()


INT, INT_POINTER = ctypes.c_int, ctypes.POINTER(ctypes.c_int)


@pytest.mark.parametrize(
    ("declaration", "types"),
    [
        ("int (int)", (INT, INT)),
        ("size_t (int64_t, unsigned char)", (ctypes.c_size_t, ctypes.c_int64, ctypes.c_ubyte)),
        ("_Bool (double)", (ctypes.c_bool, ctypes.c_double)),
        ("void *(const struct foo *)", (ctypes.c_void_p, ctypes.c_void_p)),
        ("void (const char *, int *)", (None, ctypes.c_void_p, ctypes.c_void_p)),
    ],
)
def test_fields_that_take_as_ctypes(declaration: str, types: Any) -> None:
    """Those whose prototype has the same scalars and c_void_p for all pointers."""
    fields = field_of(*types)
    fields.f = pytramp.callback(declaration, lambda *args: 0).as_ctypes()
    assert fields.f


@pytest.mark.parametrize(
    ("declaration", "types"),
    [
        ("int (int *)", (INT, INT_POINTER)),
        ("int *(void)", (INT_POINTER,)),
        ("int (const char *)", (INT, ctypes.c_char_p)),
    ],
)
def test_fields_that_need_their_prototype(declaration: str, types: Any) -> None:
    fields = field_of(*types)
    closure = pytramp.callback(declaration, lambda *args: 0)
    with pytest.raises(TypeError, match=r"expected CFunctionType instance|incompatible types"):
        fields.f = closure.as_ctypes()
    fields.f = closure.as_ctypes(ctypes.CFUNCTYPE(*types))
    assert fields.f


# ---- Class bodies ----


def test_decorating_a_method_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Inner\.method is being defined in a class: C passes no"):

        class Inner:
            @pytramp.callback("int (int)")
            def method(self) -> int: ...


def test_decorating_by_annotations_and_options_is_refused_too() -> None:
    for decorate in (pytramp.callback, pytramp.callback(), pytramp.callback(SIGNATURE, name="x")):
        with pytest.raises(TypeError, match="class"):

            class Inner:
                @decorate
                def method(self: c.int) -> c.int: ...

    with pytest.raises(TypeError, match=r"Outer\.Deep\.method is being defined"):

        class Outer:
            class Deep:
                @staticmethod
                @pytramp.callback("int (int)")
                def method(n: int) -> int: ...


def test_a_function_from_elsewhere_in_a_class_body() -> None:
    class Inner:
        closure = pytramp.callback("int (int)", twice)

    assert through_c(Inner.closure, 2) == 4
    assert Inner().closure is Inner.closure


def test_a_static_method_needs_no_self() -> None:
    class Inner:
        @pytramp.callback("int (int)")
        @staticmethod
        def typed(n: int) -> int:
            return n + 1

        @pytramp.callback
        @staticmethod
        def annotated(n: c.int) -> c.int:
            return n + 2

        short = pytramp.callback("int (int)", staticmethod(lambda n: n + 3))

    for closure, expected in ((Inner.typed, 2), (Inner.annotated, 3), (Inner().short, 4)):
        assert through_c(closure, 1) == expected == closure(1)
        assert not isinstance(closure.__wrapped__, staticmethod)


def test_a_class_body_that_needs_no_self_is_told_how() -> None:
    with pytest.raises(TypeError, match=r"<lambda> is .* C passes no self.* staticmethod\(f\)"):

        class Inner:
            closure = pytramp.callback("int (int)", lambda n: n)


# ---- Garbage collection ----


def cycle_through_function() -> pytramp.Closure:
    def function(n: int) -> object:
        return closure

    closure = SIGNATURE(function)
    return closure


def cycle_through_onerror() -> pytramp.Closure:
    def onerror(exception: BaseException) -> object:
        return closure

    closure = SIGNATURE(twice, onerror=onerror)
    return closure


def cycle_through_method() -> pytramp.Closure:
    owner: Any = Tools()
    owner.closure = SIGNATURE(owner.method)
    return owner.closure


def cycle_through_partial() -> pytramp.Closure:
    kept: list[object] = []
    closure = SIGNATURE(functools.partial(operator.getitem, kept))
    kept.append(closure)
    return closure


def cycle_through_propagate() -> pytramp.Closure:
    closure = SIGNATURE(twice)
    pytramp.propagate(closure).__enter__()
    return closure


def cycle_through_two() -> pytramp.Closure:
    def one(n: int) -> object:
        return second

    def two(n: int) -> object:
        return first

    first, second = SIGNATURE(one), SIGNATURE(two)
    return first


CYCLES = [
    cycle_through_function,
    cycle_through_onerror,
    cycle_through_method,
    cycle_through_partial,
    cycle_through_propagate,
    cycle_through_two,
]


@pytest.mark.parametrize("make", CYCLES)
def test_cycles_are_collected(make: Callable[[], pytramp.Closure]) -> None:
    """...and a call that comes afterwards is told so."""
    gc.collect()
    live = pytramp.stats()["live"]
    closure = make()
    ref, function = weakref.ref(closure), PROTOTYPE(closure.address)
    del closure
    assert ref() is not None
    gc.collect()
    assert ref() is None
    assert pytramp.stats()["live"] == live
    with tools.reports() as seen:
        assert function(3) == 0
    assert "was called after it was garbage-collected" in seen[0].text


def test_a_running_closure_is_not_collected() -> None:
    def function(n: int) -> int:
        nonlocal closure
        closure = None
        gc.collect()
        return 2 * n

    closure = SIGNATURE(function)
    address = closure.address
    del function
    assert PROTOTYPE(address)(4) == 8


def test_a_running_closure_keeps_its_onerror() -> None:
    """Also when nothing but the collector could find it."""
    inside, collected = threading.Event(), threading.Event()

    def make() -> Callable[[int], int]:
        def function(n: int) -> int:
            inside.set()
            assert collected.wait(60)
            raise KeyError(n)

        def onerror(exception: BaseException) -> int:
            assert cycle
            return 7

        cycle: list[pytramp.Closure] = [SIGNATURE(function, onerror=onerror)]
        return PROTOTYPE(cycle[0].address)

    call = make()
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(call(3)))
    thread.start()
    assert inside.wait(60)
    gc.collect()
    collected.set()
    thread.join()
    assert results == [7]


def test_deallocation_keeps_the_exception_in_flight() -> None:
    """A closure that goes while an exception is set does not swallow it."""
    with pytest.raises(TypeError, match="subscriptable"):
        SIGNATURE(functools.partial(max, 3))[0]


@pytest.mark.parametrize(
    "name", ["class_in_cycle", "close_inside_close", "deep_nesting", "cleared_function"]
)
def test_lifetime_does_not_crash(name: str) -> None:
    tools.script(f"{name}.py")


# ---- Misuse ----


def no_arguments() -> None: ...


def two_arguments(a: int, b: int) -> None: ...


def keyword_only(n: int, *, needed: int) -> None: ...


async def asynchronous(n: int) -> int:
    return n


async def asynchronous_generator(n: int) -> Any:
    yield n


def generator(n: int) -> Any:
    yield n


class Methods:
    def none(self) -> None: ...

    def two(self, a: int, b: int) -> None: ...

    async def later(self, n: int) -> None: ...

    def each(self, n: int) -> Any:
        yield n


class Later:
    async def __call__(self, n: int) -> None: ...


class Each:
    def __call__(self, n: int) -> Any:
        yield n


IS_ASYNC = "is an async function: .* as loop="
IS_GENERATOR = "is a generator function: .* nobody would run$"
MISUSE = [
    ((3,), {}, "a callback must be callable, not int"),
    ((None,), {}, "a callback must be callable, not NoneType"),
    (("text",), {}, "a callback must be callable, not str"),
    ((Methods.__new__(Methods),), {}, "a callback must be callable, not Methods"),
    ((no_arguments,), {}, r"no_arguments .*takes 0 positional arguments, but int \(int\) passes 1"),
    ((two_arguments,), {}, "two_arguments .*takes 2 positional arguments"),
    ((lambda: 0,), {}, "takes 0 positional arguments"),
    ((lambda a, b, c=0: 0,), {}, "takes 2 positional arguments"),
    ((lambda a, b, *c: 0,), {}, "takes 2 positional arguments"),
    ((Methods().none,), {}, "takes 0 positional arguments"),
    ((Methods().two,), {}, "takes 2 positional arguments"),
    ((keyword_only,), {}, "keyword-only parameter without default"),
    ((pytramp.callback("int (int, int)", max),), {}, "takes 2 positional arguments"),
    ((pytramp.callback("int (void)", lambda *args: 0),), {}, r"takes 0 .*int \(int\) passes 1"),
    ((pytramp.callback("int (int, ...)", max),), {}, "takes 2 positional arguments"),
    ((asynchronous,), {}, IS_ASYNC),
    ((asynchronous_generator,), {}, IS_GENERATOR),
    ((generator,), {}, IS_GENERATOR),
    ((Methods().each,), {}, IS_GENERATOR),
    ((functools.partial(generator, 3),), {}, IS_GENERATOR),
    ((Each(),), {}, IS_GENERATOR),
    ((Later(),), {}, IS_ASYNC),
    ((functools.partial(Later(), 3),), {}, IS_ASYNC),
    ((Methods().later,), {}, IS_ASYNC),
    ((functools.partial(asynchronous),), {}, IS_ASYNC),
    ((functools.partial(functools.partial(Methods().later), 3),), {}, IS_ASYNC),
    ((twice,), {"onerror": 3}, "onerror must be callable or None, not int"),
    ((twice,), {"name": 3}, "name must be a str or None, not int"),
    ((twice,), {"name": b"x"}, "name must be a str or None, not bytes"),
    ((twice,), {"nonsense": 1}, "unexpected keyword argument 'nonsense'"),
    ((twice, twice), {}, "one positional argument|positional"),
]


@pytest.mark.parametrize(("args", "options", "text"), MISUSE)
def test_misuse(args: tuple[Any, ...], options: dict[str, Any], text: str) -> None:
    """TypeError when it is made, and no closure is left behind."""
    gc.collect()
    live = pytramp.stats()["live"]
    with pytest.raises(TypeError, match=text):
        SIGNATURE(*args, **options)
    if len(args) == 1:
        with pytest.raises(TypeError, match=text):
            pytramp.callback("int (int)", *args, **options)
        with pytest.raises(TypeError, match=text):
            pytramp.callback(SIGNATURE, **options)(*args)
    assert pytramp.stats()["live"] == live
    with pytest.raises(TypeError):
        SIGNATURE()


def test_a_partial_of_itself() -> None:
    """What it calls in the end is not looked for without end; a call of it would crash CPython."""
    itself = functools.partial(twice)
    itself.__setstate__((itself, (), {}, {}))  # type: ignore[attr-defined]
    with SIGNATURE(itself) as closure:
        assert "functools.partial" in closure.name
    itself.__setstate__((twice, (), {}, {}))  # type: ignore[attr-defined]


@pytest.mark.parametrize("specification", ["int (int)", SIGNATURE])
def test_swapped_arguments(specification: Any) -> None:
    with pytest.raises(TypeError, match="arguments are swapped: the type comes first"):
        pytramp.callback(twice, specification)


UNKNOWN = [
    ({"on_error": print}, r"keyword argument 'on_error'; did you mean 'onerror'\?"),
    ({"function": twice}, "keyword argument 'function': it takes the type and the callable by pos"),
    ({"specification": "int (int)"}, "keyword argument 'specification': it takes"),
    ({"_depth": 3}, "keyword argument '_depth'"),
]


@pytest.mark.parametrize(("options", "text"), UNKNOWN)
def test_an_unknown_option_is_refused_at_once(options: dict[str, Any], text: str) -> None:
    """Before there is a decorator, which might never be used."""
    for arguments in ((), ("int (int)",), (SIGNATURE, twice)):
        with pytest.raises(TypeError, match=r"callback\(\) got an unexpected " + text):
            pytramp.callback(*arguments, **options)


def test_a_type_of_a_function_is_not_the_function() -> None:
    types = pytramp.cdef("int abs(int); int sum(int, int);")
    with pytest.raises(TypeError, match=r"not int: a Signature is .* called by ctypes or cffi"):
        types.abs(-3)
    with pytest.raises(TypeError, match="calls no function of C"):
        types.sum(1, 2)


def test_a_closure_has_no_bytes() -> None:
    """As a number it would be as many zeros as its address says."""
    with pytest.raises(TypeError, match=r"int\(closure\) is its address"):
        bytes(SIGNATURE(twice))


@pytest.mark.parametrize(
    "specification", [3, None, b"int (int)", int, ctypes.c_int, object(), ("int",)]
)
def test_specifications_that_are_none(specification: object) -> None:
    with pytest.raises(TypeError):
        pytramp.callback(specification, twice)
    with pytest.raises(TypeError):
        pytramp.callback(specification)


def test_a_callable_specification_takes_no_second() -> None:
    with pytest.raises(TypeError):
        pytramp.callback(twice, twice)


def test_arity_is_checked_for_what_c_passes() -> None:
    """More or fewer C arguments than the function takes is found when it is made."""
    with pytest.raises(TypeError, match=r"takes 1 positional argument, but int \(void\) passes 0"):
        pytramp.callback("int (void)", twice)
    assert through_c(pytramp.callback("int (int, int, int)", lambda *args: sum(args)), 1, 2, 3) == 6


def test_a_closure_of_a_closure_of_other_types() -> None:
    """As many parameters, but not the same: what C passes is converted twice."""
    half = pytramp.callback("double (double)", lambda x: x / 2)
    assert through_c(SIGNATURE(half, onerror=lambda error: -1), 8) == -1
    assert through_c(pytramp.callback("double (int)", half), 5) == 2.5


def test_a_coroutine_may_be_the_object_that_c_gets() -> None:
    function = pytramp.callback("PyObject *(int)", asynchronous).as_ctypes()
    made = function(3)
    with pytest.raises(StopIteration) as info:
        made.send(None)
    assert info.value.value == 3


# ---- Without a caller in Python ----


def test_made_by_a_thread_of_its_own() -> None:
    """And by atexit: C calls callback(), and no frame of Python is there."""
    code = """if True:
        import _thread, atexit, time, pytramp
        done = _thread.allocate_lock()
        class Function:
            def __call__(self, n): pass
            def __del__(self): done.release()
        def wait():
            while not done.acquire(timeout=0.01):
                pass  # without a GIL it may go in this thread only
        wait()
        _thread.start_new_thread(pytramp.callback, ("int (int)", Function()))
        wait()
        _thread.start_new_thread(pytramp.callback("int (int)"), (Function(),))
        wait()
        atexit.register(pytramp.callback, "int (int)", print)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("declaration", "name"),
    [
        ("int (int, ...)", "int (int, ...)"),
        ("void (int n, int (*each[n])(int))", "void (int, int (**)(int))"),
        ("double (const char *const names[], double x[2][3])", "double (char **, double *)"),
    ],
)
def test_names_of_capsules(declaration: str, name: str) -> None:
    closure = pytramp.callback(declaration, lambda *args: 0)
    assert f'capsule object "{name}"' in repr(closure.as_capsule())


def test_a_capsule_of_variable_arguments_says_so() -> None:
    closure = pytramp.callback("int (int, ...)", lambda n, more: n)
    with pytest.raises(TypeError, match=r"'int \(int, \.\.\.\)' is no 'int \(int\)'"):
        closure.as_capsule("int (int)")
