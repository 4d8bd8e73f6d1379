"""Array parameters: views of C's memory for as long as the call lasts, and no longer."""

from __future__ import annotations

import ctypes
import gc
import struct
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
import tools

import pytramp
from pytramp.cdecl.integers import CHAR_IS_UNSIGNED

INTS = "int (size_t n, int a[n])"
DOUBLES = "double (size_t n, const double x[n])"


def ints(*values: int) -> Any:
    return (ctypes.c_int * len(values))(*values)


def doubles(*values: float) -> Any:
    return (ctypes.c_double * len(values))(*values)


def call(closure: pytramp.Closure, *arguments: Any) -> Any:
    """C calls closure with these: ints are passed as the machine's words, memory by its address."""
    classes = [ctypes.c_ssize_t if isinstance(a, int) else ctypes.c_void_p for a in arguments]
    for i, argument in enumerate(arguments):
        if isinstance(argument, ctypes.c_longlong):
            classes[i] = ctypes.c_longlong
    prototype = ctypes.CFUNCTYPE(ctypes.c_int, *classes)
    return ctypes.cast(closure.address, prototype)(*arguments)


def taken(declaration: str, *arguments: Any, look: Callable[..., Any], **options: Any) -> Any:
    """What look says of the callable's arguments, while they live."""
    got: list[Any] = []
    cb = pytramp.callback(declaration, lambda *values: got.append(look(*values)), **options)
    call(cb, *arguments)
    return got[0]


# ---- What arrives ----


def test_c_passes_arrays() -> None:
    lib = tools.library(
        """
        #include <stddef.h>
        int call(int (*f)(size_t n, const double x[], double out[])) {
            const double x[3] = {1, 2, 3};
            double out[3] = {0, 0, 0};
            return f(3, x, out) * 1000 + (int)(out[0] * 100 + out[1] * 10 + out[2]);
        }
        """
    )

    @pytramp.callback("int (size_t n, const double x[n], double out[n])")
    def f(n: int, x: memoryview, out: memoryview) -> int:
        assert (x.readonly, out.readonly) == (True, False)
        assert x.tolist() == [1.0, 2.0, 3.0]
        for i in range(n):
            out[i] = 2 * x[i]
        return len(out)

    assert lib.call(f) == 3246


# spelling, memoryview format
FORMATS = [
    ("_Bool", "?"),
    ("signed char", "b"),
    ("unsigned char", "B"),
    ("uint8_t", "B"),
    ("short", "h"),
    ("unsigned short", "H"),
    ("int", "i"),
    ("enum colour", "i"),
    ("unsigned int", "I"),
    ("long", "l"),
    ("unsigned long", "L"),
    ("size_t", "I" if tools.WORD == 32 else "L" if tools.LONG == 64 else "Q"),
    ("long long", "q"),
    ("unsigned long long", "Q"),
    ("float", "f"),
    ("double", "d"),
]


@pytest.mark.parametrize(("spelling", "code"), FORMATS)
def test_numbers_are_memoryviews(spelling: str, code: str) -> None:
    data = struct.pack(f"3{code}", 1, 0, 1)
    memory = ctypes.create_string_buffer(data, len(data))

    def look(a: memoryview) -> Any:
        a[1] = a[0]
        return type(a), a.format, a.itemsize, a.shape, a.strides, a.readonly, a.c_contiguous

    size = struct.calcsize(code)
    assert taken(f"void ({spelling} a[3])", memory, look=look) == (
        memoryview, code, size, (3,), (size,), False, True
    )  # fmt: skip
    assert memory.raw == struct.pack(f"3{code}", 1, 1, 1)
    assert taken(f"void (const {spelling} a[3])", memory, look=lambda a: a.readonly)


def test_const_characters_are_text() -> None:
    memory = ctypes.create_string_buffer(b"ab\0cd")
    assert taken("void (size_t n, const char s[n])", 4, memory, look=lambda n, s: s) == b"ab\0c"
    assert taken("void (const char s[0])", memory, look=lambda s: s) == b""
    order = "-le" if sys.byteorder == "little" else "-be"
    for spelling, codec in (("char16_t", "utf-16"), ("char32_t", "utf-32")):
        text = "a\0\U0001f600"
        data = text.encode(codec + order)
        n = len(data) // (2 if codec == "utf-16" else 4)
        wide = ctypes.create_string_buffer(data)
        declaration = f"void (int n, const {spelling} s[n])"
        assert taken(declaration, n, wide, look=lambda n, s: s) == text


@pytest.mark.parametrize("spelling", ["char32_t", "wchar_t"])
def test_text_that_is_none(spelling: str) -> None:
    """The codec's own exception, which also names the parameter."""
    if spelling == "wchar_t" and tools.WCHAR == 2:
        pytest.skip("any two bytes are a wchar_t")
    wide = (ctypes.c_uint32 * 2)(65, 0x110000)
    cb = pytramp.callback(f"int (int n, const {spelling} s[n])", lambda n, s: 1, error=-7)
    with tools.reports() as seen:
        assert call(cb, 2, wide) == -7
    (report,) = seen
    assert type(report.exception) is UnicodeDecodeError
    assert report.exception.start == 4
    assert "parameter 's': " in report.text


def test_characters_that_can_be_written() -> None:
    memory = ctypes.create_string_buffer(b"hello")

    def look(n: int, s: memoryview) -> str:
        s[:2] = b"je"
        return s.format

    assert taken("void (size_t n, char s[n])", 5, memory, look=look) == "B"
    assert memory.value == b"jello"


def test_what_no_memoryview_can_hold() -> None:
    """A Pointer with a length."""
    z = doubles(1, 2, 3, 4)

    def look(n: int, a: Any) -> Any:
        assert type(a) is pytramp.Pointer
        assert repr(a).startswith("<pytramp.Pointer to 2 double _Complex at ")
        a[1] = a[0]
        with pytest.raises(IndexError, match="there are 2 items"):
            a[2]
        assert a[-1] == a[1]
        assert (len(a + 2 - 1), len(a + 1 - 1), a + 2 - 2) == (1, 2, a)
        for outside in (-1, 3):
            with pytest.raises(IndexError, match="there are 0 items"):
                a + 2 - outside
        return len(a), list(a), a[0:9], (a + 1)[0], (1 + 2j) in a

    one = 1 + 2j
    declaration = "void (size_t n, double _Complex a[n])"
    assert taken(declaration, 2, z, look=look) == (2, [one, one], [one, one], one, True)
    words = [ctypes.create_string_buffer(text) for text in (b"one", b"two")]
    table = (ctypes.c_void_p * 3)(*map(ctypes.addressof, words), None)

    def texts(n: int, names: Any) -> Any:
        return [name and name.string() for name in names]

    declaration = "void (int n, char *const names[n])"
    assert taken(declaration, 3, table, look=texts) == [b"one", b"two", None]
    halves = ctypes.create_string_buffer(struct.pack("2e", 0.5, 2.0))
    assert taken("void (const _Float16 a[2])", halves, look=list) == [0.5, 2.0]


def test_structs() -> None:
    types = pytramp.cdef("typedef struct { int n; double x; } pair;")
    pairs = (types.pair * 2)((1, 0.5), (2, 1.5))

    def change(n: int, a: Any) -> Any:
        a[0].n = 10
        a[1] = (20, 15.0)
        return [type(item) for item in a]

    declaration = "void (int n, pair a[n])"
    assert taken(declaration, 2, pairs, look=change, types=types) == [types.pair] * 2
    assert [(p.n, p.x) for p in pairs] == [(10, 0.5), (20, 15.0)]

    def try_to_change(n: int, a: Any) -> None:
        a[0].n = 99
        with pytest.raises(TypeError, match="cannot be written to"):
            a[0] = (1, 1)

    taken("void (int n, const pair a[n])", 2, pairs, look=try_to_change, types=types)
    assert pairs[0].n == 10


def test_null_is_none() -> None:
    for n in (0, 3):
        for element in ("double", "const char", "double _Complex", "int *"):
            declaration = f"void (size_t n, {element} a[n])"
            assert taken(declaration, n, ctypes.c_void_p(), look=lambda n, a: a) is None


# ---- Lengths ----

SIGNED_CHAR = not CHAR_IS_UNSIGNED


def shape(declaration: str, *arguments: Any) -> Any:
    return taken(declaration, *arguments, look=lambda *values: values[-1].shape)


def test_lengths() -> None:
    memory = doubles(*range(64))
    assert shape("void (unsigned char n, double a[n])", 3, memory) == (3,)
    for spelling in ("char", "wchar_t", "char16_t", "char32_t"):
        assert shape(f"void ({spelling} n, double a[n])", 3, memory) == (3,)
    assert shape("void (int n, double a[2 * n])", 3, memory) == (6,)
    assert shape("void (int m, int n, double a[m][n])", 2, 3, memory) == (2, 3)
    assert shape("void (int n, double a[n][3])", 2, memory) == (2, 3)
    assert shape("void (int n, double a[n][n + 1][2])", 2, memory) == (2, 3, 2)
    assert shape("void (double a[4])", memory) == (4,)
    assert shape("void (int n, double a[static n])", 4, memory) == (4,)
    assert shape("void (int n, double a[const n])", 4, memory) == (4,)
    assert shape("void (int n, double a[sizeof(int) * n])", 2, memory) == (8,)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("n", 10),
        ("n + m", 13),
        ("n - m", 7),
        ("n * m", 30),
        ("n / m", 3),
        ("n % m", 1),
        ("n << m", 80),
        ("n >> 1", 5),
        ("n & m", 2),
        ("n | m", 11),
        ("n ^ m", 9),
        ("n > m", 1),
        ("n < m", 0),
        ("n >= 10", 1),
        ("n <= 9", 0),
        ("n == 10", 1),
        ("n != 10", 0),
        ("n && m", 1),
        ("!n || m", 1),
        ("-m + n", 7),
        ("~m + n", 6),
        ("!m", 0),
        ("n > m ? n : m", 10),
        ("n < m ? n : m", 3),
        ("(n + 1) * (m - 1)", 22),
        ("n * (n + 1) / 2", 55),
        ("0x10", 16),
        ("5u", 5),
        ("'\\n'", 10),
    ],
)
def test_expressions(expression: str, expected: int) -> None:
    memory = doubles(*range(100))
    declaration = f"void (int n, short m, double a[{expression}])"
    assert shape(declaration, 10, 3, memory) == (expected,)
    signature = pytramp.Signature(declaration)
    assert pytramp.Signature(str(signature)) == signature


def test_a_length_that_comes_later() -> None:
    memory = doubles(1, 2, 3)

    def look(a: memoryview, n: int) -> Any:
        return a.shape, n

    assert taken("void (double a[n], int n)", memory, 3, look=look) == ((3,), 3)


def test_a_length_behind_a_pointer() -> None:
    """As Fortran passes it."""
    memory, n = doubles(1, 2, 3), ctypes.c_int(3)
    declaration = "void (const int *n, double a[*n])"
    assert shape(declaration, ctypes.byref(n), memory) == (3,)
    assert shape("void (const char *n, double a[*n])", ctypes.byref(ctypes.c_byte(3)), memory) == (
        3,
    )
    nothing = pytramp.callback(declaration, lambda n, a: None)
    with tools.reports() as seen:
        call(nothing, ctypes.c_void_p(), memory)
    assert "parameter 'a': the length of an array parameter stands behind a NULL" in seen[0].text


def test_lengths_that_cannot_be() -> None:
    """The call fails, and the callable is not entered."""
    memory = ints(1, 2, 3)
    rows: list[tuple[str, tuple[int, ...], str]] = [
        ("int n, int a[n]", (-1,), "is negative: -1"),
        ("long long n, int a[n]", (-(2**63),), "is negative: -9223372036854775808"),
        *([("char n, int a[n]", (-1,), "is negative: -1")] if SIGNED_CHAR else []),
        ("size_t n, int a[n]", (-1,), "is more than memory holds"),
        ("size_t n, int a[n]", (sys.maxsize // 2 + 1,), "is more than memory holds"),
        ("long long n, int a[n][n]", (2**33,), "is more than memory holds"),
        ("long long n, int a[n * n]", (2**33,), "overflows"),
        ("long long n, int a[n + 1]", (2**63 - 1,), "overflows"),
        ("long long n, int a[-n]", (-(2**63),), "overflows"),
        ("long long n, int a[n - 2]", (-(2**63),), "overflows"),
        ("long long n, int a[n << 1]", (2**62,), "overflows"),
        ("long long n, int a[1 << n]", (64,), "is shifted too far"),
        ("long long n, int a[1 >> n]", (-1,), "is shifted too far"),
        ("int n, int a[6 / n]", (0,), "is divided by zero"),
        ("int n, int a[6 % n]", (0,), "is divided by zero"),
        ("long long n, int a[n / -1]", (-(2**63),), "overflows"),
        ("size_t n, long double a[n]", (sys.maxsize // 8 + 1,), "is more than memory holds"),
        ("size_t n, const char a[n]", (sys.maxsize,), "is more than memory holds"),
        ("size_t n, const char a[n]", (sys.maxsize - 4000,), "is more than memory holds"),
        ("size_t n, const char a[n]", (sys.maxsize // 4,), "is more than memory holds"),
    ]
    for parameters, values, message in rows:
        entered: list[Any] = []
        lengths = map(ctypes.c_longlong if parameters.startswith("long long") else int, values)
        cb = pytramp.callback(f"int ({parameters})", lambda *a: entered.append(a), error=-7)  # noqa: B023
        with tools.reports() as seen:
            assert call(cb, *lengths, memory) == -7
        assert not entered, parameters
        (report,) = seen
        assert type(report.exception) is ValueError, parameters
        assert report.text.startswith("parameter 'a': the length of an array"), parameters
        assert message in report.text, parameters


@pytest.mark.parametrize(
    ("declaration", "error", "message"),
    [
        ("void (int a[n])", pytramp.DeclarationError, "'n'"),
        ("void (double n, int a[n])", pytramp.DeclarationError, "'n'"),
        ("void (int *n, int a[n])", pytramp.DeclarationError, "'n'"),
        ("void (int n, int a[*n])", pytramp.DeclarationError, "'n'"),
        ("void (int n, int a[f(n)])", pytramp.DeclarationError, ""),
        ("void (int n, int a[n = 1])", pytramp.DeclarationError, ""),
        ("void (int n, int a[1.5])", pytramp.DeclarationError, ""),
        ("void (int n, int a[-1])", pytramp.DeclarationError, ""),
        ("void (int n, void a[n])", pytramp.DeclarationError, "void"),
        ("int [3] (int)", pytramp.DeclarationError, ""),
        ("void (int n, int a[n][])", pytramp.DeclarationError, ""),
        ("void (int n, struct s a[n])", ValueError, "struct s"),
        ("void (int n, int *a[n][2])", pytramp.UnsupportedTypeError, "more than one dimension"),
    ],
)
def test_declarations_that_cannot_be(declaration: str, error: type, message: str) -> None:
    with pytest.raises((error, pytramp.UnsupportedTypeError)) as caught:
        pytramp.Signature(declaration)
    assert message in str(caught.value)


def test_what_the_signature_prints() -> None:
    for text in (
        "int (size_t n, const double [n], double [n])",
        "void (int m, int n, float [m][n * 2])",
        "void (int [3][4], char *const [2])",
        "void (const double [n], int n)",
    ):
        signature = pytramp.Signature(text)
        assert str(signature) == text
        assert pytramp.Signature(str(signature)) == signature
    assert pytramp.Signature(DOUBLES) != pytramp.Signature("double (size_t, const double *)")
    assert pytramp.Signature(DOUBLES) != pytramp.Signature("double (size_t n, double x[n])")
    assert pytramp.Signature(DOUBLES) != pytramp.Signature("double (size_t n, const double x[2])")


# ---- After the call ----


def kept(declaration: str, keep: Callable[[Any], Any], memory: Any, **options: Any) -> list[Any]:
    """What keep makes of the array, after the call."""
    result: list[Any] = []
    cb = pytramp.callback(declaration, lambda n, a: result.append(keep(a)) or 0, **options)
    call(cb, len(memory), memory)
    return result


READS: list[tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = [
    ("the view", lambda a: a, lambda k: k[0]),
    ("writing", lambda a: a, lambda k: k.__setitem__(0, 1)),
    ("a slice", lambda a: a[1:], lambda k: k[0]),
    ("a slice of a slice", lambda a: a[1:][1:], lambda k: k.tolist()),
    ("a strided slice", lambda a: a[::2], lambda k: k.tobytes()),
    ("a cast", lambda a: a.cast("B"), lambda k: k[0]),
    ("a cast with a shape", lambda a: a.cast("B").cast("B", (3, 4)), lambda k: k[0, 0]),
    ("read-only", lambda a: a.toreadonly(), lambda k: k[0]),
    ("memoryview of it", memoryview, lambda k: k[0]),
    ("an iterator", iter, next),
    ("a used iterator", lambda a: (iter(a), next(iter(a)))[0], next),
    ("reversed", reversed, next),
    ("an iterator of a slice", lambda a: iter(a[1:]), next),
    ("bytes of it", lambda a: a, bytes),
    ("a comparison", lambda a: a, lambda k: k[:] == 1),
    ("hex", lambda a: a, lambda k: k.hex()),
    ("a new view", lambda a: a, memoryview),
    ("ctypes of it", lambda a: a, ctypes.c_int.from_buffer),
    ("entering", lambda a: a, lambda k: k.__enter__()),
]


@pytest.mark.parametrize(("name", "keep", "use"), READS, ids=[row[0] for row in READS])
def test_what_is_kept_is_revoked(name: str, keep: Any, use: Any) -> None:
    memory = ints(1, 2, 3)
    (late,) = kept(INTS, keep, memory)
    with pytest.raises(ValueError, match="released memoryview"):
        use(late)
    assert list(memory) == [1, 2, 3]


def test_a_view_of_a_view_lives_no_longer() -> None:
    views: list[memoryview] = []

    def keep(a: memoryview) -> None:
        views.extend([a, a[1:], a.cast("B"), memoryview(a)])

    kept(INTS, keep, ints(1, 2, 3))
    for view in views:
        with pytest.raises(ValueError, match="released"):
            view.tolist()
        with pytest.raises(ValueError, match="released"):
            view[0:1]
        view.release()
    views.clear()
    gc.collect()


def test_pointers_with_a_length_are_revoked() -> None:
    memory = doubles(1, 2, 3, 4)
    late: list[Any] = []

    def keep(n: int, a: Any) -> int:
        late.extend([a, a + 1, a + 1 + 0])
        return 0

    call(pytramp.callback("int (size_t n, double _Complex a[n])", keep), 2, memory)
    for p in late:
        for use in (
            lambda: p[0],  # noqa: B023
            lambda: p[0:1],  # noqa: B023
            lambda: list(p),  # noqa: B023
            lambda: p + 0,  # noqa: B023
            lambda: p.__setitem__(0, 1j),  # noqa: B023
            lambda: p._as_parameter_,  # noqa: B023
        ):
            with pytest.raises(ValueError, match="until the callback returned"):
                use()
        assert p.address
    assert ", revoked>" in repr(late[0])
    assert list(memory) == [1, 2, 3, 4]


class Waits:
    """A number that is there when the callback has returned."""

    def __init__(self) -> None:
        self.is_asked, self.may_go_on = threading.Event(), threading.Event()

    def __index__(self) -> int:
        self.is_asked.set()
        assert self.may_go_on.wait(60)
        return 1

    def __complex__(self) -> complex:
        return complex(self.__index__())


def put(x: Any, number: Any) -> None:
    x[0] = number


def put_two(x: Any, number: Any) -> None:
    x[0:2] = [number, number]


def put_member(x: Any, number: Any) -> None:
    x.n = number


def put_bits(x: Any, number: Any) -> None:
    x.bits = number


def put_struct(x: Any, number: Any) -> None:
    x[0] = {"n": number}


def look_at_text(x: Any, number: Any) -> None:
    x.string(number)


@pytest.mark.parametrize(
    ("element", "use"),
    [
        ("double", put),
        ("double _Complex", put),
        ("double _Complex", put_two),
        ("pair", put_member),
        ("pair", put_bits),
        ("pair", put_struct),
        ("char16_t", look_at_text),
    ],
)
def test_what_is_revoked_while_it_is_used(element: str, use: Callable[[Any, Any], None]) -> None:
    """Asking a value for its number lasts until C has its memory back."""
    types = pytramp.cdef("typedef struct { long n; int : 3; int bits : 3; long m; } pair;")
    memory = doubles(*[0] * 8)
    number = Waits()
    seen: list[BaseException] = []
    threads = []

    def in_thread(x: Any) -> None:
        try:
            use(x, number)
        except (ValueError, TypeError) as error:
            seen.append(error)

    def start(n: int, x: Any) -> int:
        thread = threading.Thread(target=in_thread, args=(x,))
        thread.start()
        threads.append(thread)
        assert number.is_asked.wait(60)
        return 0

    call(pytramp.callback(f"int (size_t n, {element} x[n])", start, types=types), 2, memory)
    number.may_go_on.set()
    threads[0].join()
    assert [type(error) for error in seen] == [ValueError]
    assert bytes(memory) == bytes(64)


def test_members_of_structs_in_an_array() -> None:
    """C's memory, for as long as the call lasts."""
    types = pytramp.cdef("typedef struct { long long n; int : 3, bits : 3; char rest[4]; } pair;")
    memory = (types.pair * 2)((1, 2, b"rest"), (3, 1, b"more"))

    def set_them(n: int, x: Any) -> int:
        x.n, x.bits = -5, -2
        (x + 1).bits = 3
        with pytest.raises(OverflowError, match=r"member pair\.bits: 4 is out of range"):
            x.bits = 4
        return 0

    call(pytramp.callback("int (size_t n, pair x[n])", set_them, types=types), 2, memory)
    assert [(p.n, p.bits, p.rest) for p in memory] == [(-5, -2, b"rest"), (3, 3, b"more")]


def test_views_do_not_escape_through_pointers() -> None:
    """What would outlive the array is not given."""
    memory = doubles(1, 2, 3, 4)

    def use(n: int, a: Any) -> int:
        with pytest.raises(TypeError):
            a.view(1)
        with pytest.raises(TypeError, match="cannot be cast"):
            a.cast("double *")
        for wrong in (-1, 3):
            with pytest.raises(IndexError):
                a + wrong
        return 5

    cb = pytramp.callback("int (size_t n, double _Complex a[n])", use)
    assert call(cb, 2, memory) == 5


def test_exceptions_revoke_too() -> None:
    late: list[Any] = []

    def fail(n: int, a: memoryview) -> int:
        late.extend([a, a[1:]])
        raise KeyError("mine")

    with tools.reports() as seen:
        call(pytramp.callback(INTS, fail), 3, ints(1, 2, 3))
    assert [type(report.exception) for report in seen] == [KeyError]
    for view in late:
        with pytest.raises(ValueError, match="released"):
            view[0]


def test_propagated_exceptions_hold_frames_but_no_memory() -> None:
    def fail(n: int, a: memoryview) -> int:
        raise KeyError(a[0])

    cb = pytramp.callback(INTS, fail)
    with pytest.raises(KeyError) as caught, pytramp.propagate(cb):
        call(cb, 3, ints(1, 2, 3))
    frame = caught.value.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    assert frame
    with pytest.raises(ValueError, match="released"):
        frame.tb_frame.f_locals["a"][0]


def test_the_user_may_release_it() -> None:
    def use(n: int, a: memoryview) -> int:
        with a:
            total = sum(a)
        return total

    assert call(pytramp.callback(INTS, use), 3, ints(1, 2, 3)) == 6


def test_views_inside_are_independent() -> None:
    """Recursion: the inner call's array goes, the outer one's stays."""
    memory = ints(1, 2, 3)

    @pytramp.callback(INTS)
    def outer(n: int, a: memoryview) -> int:
        inner_late: list[memoryview] = []
        inner = pytramp.callback(INTS, lambda n, a: inner_late.append(a) or a[0])
        assert call(inner, 2, memory) == 1
        with pytest.raises(ValueError, match="released"):
            inner_late[0][0]
        return sum(a)

    assert call(outer, 3, memory) == 6


def test_many_threads_keep_views() -> None:
    late: list[memoryview] = []
    cb = pytramp.callback(INTS, lambda n, a: late.append(a[1:]) or sum(a))
    memory = ints(*range(10))
    with tools.reports():
        threads = [
            threading.Thread(target=lambda: [call(cb, 10, memory) for _ in range(200)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(late) == 800
    for view in late:
        with pytest.raises(ValueError, match="released"):
            view[0]


# ---- Objects that cannot be revoked ----


def test_a_kept_ctypes_array_is_reported() -> None:
    memory = ints(1, 2, 3)
    with tools.reports() as seen:
        (late,) = kept(INTS, (ctypes.c_int * 3).from_buffer, memory, name="keeper")
    assert list(late) == [1, 2, 3]
    (report,) = seen
    assert type(report.exception) is BufferError
    assert "callback 'keeper' returned" in report.text
    assert "parameter 2 (a)" in report.text


@pytest.mark.parametrize("index", [slice(None), slice(1, None)])
def test_a_kept_ndarray_is_reported(index: slice) -> None:
    numpy = tools.need("numpy")
    memory = ints(1, 2, 3)
    with tools.reports() as seen:
        (late,) = kept(INTS, lambda a: numpy.asarray(a[index]), memory, name="keeper")
    assert late[-1] == 3
    assert [type(report.exception) for report in seen] == [BufferError]
    assert "'keeper'" in seen[0].text


def test_it_is_reported_once() -> None:
    numpy = tools.need("numpy")
    memory = ints(1, 2, 3)
    late: list[Any] = []
    cb = pytramp.callback(INTS, lambda n, a: late.append(numpy.asarray(a)) or 0)
    with tools.reports() as seen:
        for _ in range(5):
            call(cb, 3, memory)
    assert len(seen) == 1


def test_what_is_kept_in_python_is_not_reported() -> None:
    """A memoryview in a list, an attribute, a generator, a closure: revoked, which is enough."""

    class Holder:
        view: Any

    holder = Holder()
    places: list[Any] = []

    def keep(a: memoryview) -> None:
        holder.view = a
        places.append({"a": a[1:]})
        places.append(b for b in a[1:])
        next(places[-1])
        places.append(lambda: a)

    with tools.reports() as seen:
        kept(INTS, keep, ints(1, 2, 3))
    assert seen == []


# ---- NumPy ----


def test_numpy_arrays() -> None:
    numpy = tools.need("numpy")
    memory = doubles(1, 2, 3, 4, 5, 6)

    def look(n: int, x: Any) -> Any:
        assert type(x) is numpy.ndarray
        assert not x.flags.owndata
        x *= 2
        return x.dtype.str, x.shape, float(x.sum())

    declaration = "void (int n, double x[n])"
    expected = (numpy.dtype("d").str, (6,), 42.0)
    assert taken(declaration, 6, memory, look=look, arrays="numpy") == expected
    assert list(memory) == [2, 4, 6, 8, 10, 12]

    def constant(m: int, n: int, x: Any) -> Any:
        with pytest.raises(ValueError, match="read-only"):
            x[0, 0] = 1
        return x.shape, x[1].tolist()

    declaration = "void (int m, int n, const double x[m][n])"
    got = taken(declaration, 2, 3, memory, look=constant, arrays="numpy")
    assert got == ((2, 3), [8, 10, 12])


NUMPY_TYPES = [
    ("_Bool", "?"), ("char", "B"), ("signed char", "b"), ("unsigned char", "B"), ("short", "h"),
    ("unsigned short", "H"), ("int", "i"), ("unsigned int", "I"), ("long", "l"),
    ("unsigned long", "L"), ("long long", "q"), ("unsigned long long", "Q"), ("_Float16", "e"),
    ("float", "f"), ("double", "d"), ("long double", "g"), ("float _Complex", "F"),
    ("double _Complex", "D"), ("long double _Complex", "G"),
]  # fmt: skip


@pytest.mark.parametrize(("spelling", "code"), NUMPY_TYPES)
def test_numpy_types(spelling: str, code: str) -> None:
    numpy = tools.need("numpy")
    source = numpy.array([1, 0, 1], dtype=code)
    memory = ctypes.create_string_buffer(source.tobytes())

    def look(a: Any) -> Any:
        return a.dtype == source.dtype, a.tolist() == source.tolist()

    assert taken(f"void ({spelling} a[3])", memory, look=look, arrays="numpy") == (True, True)


def test_numpy_structs() -> None:
    numpy = tools.need("numpy")
    types = pytramp.cdef("typedef struct { char c; int n; double x; } item;")
    memory = (types.item * 2)((b"a", 1, 0.5), (b"b", 2, 1.5))

    def look(n: int, a: Any) -> Any:
        a["n"] += 10
        return a.dtype.names, a["x"].tolist(), type(a) is numpy.ndarray

    declaration = "void (int n, item a[n])"
    got = taken(declaration, 2, memory, look=look, types=types, arrays="numpy")
    assert got == (("c", "n", "x"), [0.5, 1.5], True)
    assert [item.n for item in memory] == [11, 12]


def test_a_kept_numpy_array_is_reported() -> None:
    tools.need("numpy")
    memory = ints(1, 2, 3)
    for keep in (lambda a: a, lambda a: a[1:], lambda a: a.reshape(3, 1), lambda a: a.T):
        with tools.reports() as seen:
            kept(INTS, keep, memory, arrays="numpy", name="keeper")
        assert [type(report.exception) for report in seen] == [BufferError]
        assert "'keeper'" in seen[0].text
    for keep in (lambda a: a.copy(), lambda a: a + 1, lambda a: a.tolist(), lambda a: a.sum()):
        with tools.reports() as seen:
            kept(INTS, keep, memory, arrays="numpy")
        assert seen == []


def test_what_only_a_traceback_keeps_is_not_reported() -> None:
    """Neither of a callable that raised nor of one whose result is refused: nor by propagate."""
    numpy = tools.need("numpy")
    memory = ints(1, 2, 3)

    def typo(n: int, a: Any) -> int:
        half = numpy.asarray(a)[1:]
        return {}["typo"] + half

    options: tuple[dict[str, Any], ...] = ({}, {"arrays": "numpy"})
    for option in options:
        cb = pytramp.callback(INTS, typo, error=-1, **option)
        with tools.reports() as seen:
            call(cb, 3, memory)
            with pytest.raises(KeyError, match="typo"), pytramp.propagate(cb):
                call(cb, 3, memory)
        assert [type(report.exception) for report in seen] == [KeyError]
    declaration = "const int *(size_t n, const int a[n])"
    cb = pytramp.callback(declaration, lambda n, a: a, arrays="numpy")
    with tools.reports() as seen:
        call(cb, 3, memory)
    assert [type(report.exception) for report in seen] == [TypeError]


def test_an_array_kept_after_a_failed_call_is_reported() -> None:
    """At the next call that returns."""
    tools.need("numpy")
    late: list[Any] = []

    def keep(n: int, a: Any) -> int:
        late.append(a)
        return 1 // (n - 3)

    cb = pytramp.callback(INTS, keep, arrays="numpy")
    with tools.reports() as seen:
        call(cb, 3, ints(1, 2, 3))
        call(cb, 2, ints(1, 2))
    assert [type(report.exception) for report in seen] == [ZeroDivisionError, BufferError]


def test_arrays_option() -> None:
    with pytest.raises(ValueError, match="'memoryview' or 'numpy', not 'list'"):
        pytramp.callback(INTS, lambda n, a: 0, arrays="list")
    with pytest.raises(ValueError, match="'memoryview' or 'numpy', not 5"):
        pytramp.callback(INTS, lambda n, a: 0, arrays=5)
    declaration = INTS.replace("int", "void", 1)
    got = taken(declaration, 2, ints(1, 2), look=lambda n, a: type(a), arrays="memoryview")
    assert got is memoryview


def test_no_reference_is_lost() -> None:
    """Neither when all goes well nor when a length, or the callable, fails."""
    memory = ints(*range(8))

    def use(n: int, a: memoryview) -> int:
        if n == 3:
            raise KeyError
        return sum(a[1:])

    cb = pytramp.callback(INTS, use, onerror=lambda e: 0)
    bad = pytramp.callback("int (int n, int a[n])", use, onerror=lambda e: 0)

    def rounds() -> None:
        for _ in range(500):
            call(cb, 8, memory)
            call(cb, 3, memory)
            call(bad, -1, memory)

    rounds()
    gc.collect()
    before = sys.getallocatedblocks()
    rounds()
    gc.collect()
    assert sys.getallocatedblocks() - before < 50


# ---- docs/types.md's table ----

NUMBERS = ["_Bool", "char", "enum color", "int", "unsigned long long", "float", "double"]
DTYPES = ["_Float16", "long double", "float _Complex", "struct point", "union number"]
NEITHER = ["wchar_t", "char16_t", "char32_t", "int *", *(["__int128"] if tools.INT128 else [])]
HEADER = """
    struct point { double x, y; }; union number { int i; float f; }; enum color { RED };
"""


def arrives_as(kind: str, arrays: Any) -> str:
    names: list[str] = []
    cb = pytramp.callback(
        f"void ({kind})",
        lambda x: names.append(type(x).__name__),
        arrays=arrays,
        types=pytramp.cdef(HEADER),
    )
    memory = ctypes.create_string_buffer(256)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(cb.address)(ctypes.addressof(memory))
    return names[0]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [(NUMBERS, "memoryview ndarray"), (DTYPES, "Pointer ndarray"), (NEITHER, "Pointer Pointer")],
)
def test_what_arrays_arrive_as(kinds: list[str], expected: str) -> None:
    tools.need("numpy")
    for kind in kinds:
        if kind == "_Float16" and not tools.FLOAT16:
            continue
        modes = ("memoryview", "numpy")
        assert " ".join(arrives_as(f"{kind} x[4]", mode) for mode in modes) == expected, kind
        if "*" not in kind and " " not in kind:
            assert " ".join(arrives_as(f"{kind} x[2][2]", mode) for mode in modes) == expected, kind


def test_arrays_of_const_characters_are_text() -> None:
    for kind, name in (("char", "bytes"), ("wchar_t", "str"), ("char32_t", "str")):
        assert arrives_as(f"const {kind} x[4]", "memoryview") == name
        assert arrives_as(f"const {kind} x[2][2]", "memoryview") != name
