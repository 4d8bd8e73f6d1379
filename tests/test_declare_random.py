"""Random declarations: what is C is spelled so that it can be read again; the rest is an error."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import tools

import pytramp
from pytramp import declare

pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SETTINGS = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)

TYPES = pytramp.cdef(
    "typedef struct { double x, y; } point; struct node { struct node *next; int v : 3; };"
    "typedef int function(int, double); typedef void (*handler)(point *); enum color { RED };"
    "union number { int i; float f; }; typedef double row[3]; struct opaque;"
)

SCALARS = ["int", "unsigned char", "long double", "size_t", "_Bool", "float _Complex"]
SCALARS += ["_Float16"] if tools.FLOAT16 else []
SCALARS += ["__int128"] if tools.INT128 else []
SCALARS += ["wchar_t", "enum color", "struct node", "point", "union number", "handler"]
TARGETS = [*SCALARS, "void", "struct opaque", "struct unknown", "function", "row", "char"]
QUALIFIERS = st.sampled_from(["", "", "const ", "volatile ", "const volatile "])


@st.composite
def targets(draw: Any, depth: int, inner: str) -> str:
    """A declaration of inner, which is a pointer or an array and has no parentheses yet."""
    kind = draw(st.integers(0, 9)) if depth else 0
    if kind == 7:  # a function
        result = draw(declarations(depth - 1, f"({inner})({draw(parameters(depth - 1))})", False))
        return str(result)
    if kind == 8:
        length = draw(st.integers(1, 5))
        element = draw(st.sampled_from(SCALARS))
        return f"{draw(QUALIFIERS)}{element} ({inner})[{length}]"
    if kind > 4:
        return str(draw(targets(depth - 1, f"*{draw(QUALIFIERS)}{inner}")))
    return f"{draw(QUALIFIERS)}{draw(st.sampled_from(TARGETS))} {inner}"


@st.composite
def declarations(draw: Any, depth: int, inner: str, is_parameter: bool) -> str:
    """The declaration of a value called inner."""
    if draw(st.booleans()):
        pointer = f"*{draw(QUALIFIERS)}{inner}"
        return str(draw(targets(depth, pointer)))
    if is_parameter and draw(st.integers(0, 3)) == 0:
        return f"{draw(QUALIFIERS)}row {inner}"
    return f"{draw(QUALIFIERS)}{draw(st.sampled_from(SCALARS))} {inner}"


LENGTHS = ["3", "n", "2 * n", "n + m", "*k", "n ? m : 2", "(n + 1) * m", "n << 1 | m", "-n - -m"]
LENGTHS += ["sizeof(int) * n", "!n && ~m >= 2", "RED + n", "n % (m - 1)", "2 - (n - 1)", "n == m"]


@st.composite
def arrays(draw: Any, depth: int) -> str:
    count = draw(st.integers(1, 3))
    lengths = "".join(f"[{draw(st.sampled_from(LENGTHS))}]" for _ in range(count))
    first = draw(st.sampled_from(["", "static "]))
    lengths = f"[{first}{lengths[1:]}"
    if count > 1:  # of more than one dimension: numbers only
        return f"{draw(QUALIFIERS)}{draw(st.sampled_from(['int', 'double', 'size_t']))} x{lengths}"
    element = draw(st.sampled_from(SCALARS))
    return f"{draw(QUALIFIERS)}{element} {draw(st.sampled_from(['', '*']))}x{lengths}"


@st.composite
def parameters(draw: Any, depth: int) -> str:
    count = draw(st.integers(0, 3))
    made = [draw(declarations(depth, f"p{depth}{i}", True)) for i in range(count)]
    if draw(st.integers(0, 2)) == 0:
        made += ["long n", "unsigned m", "const int *k", draw(arrays(depth))]
        made = draw(st.permutations(made))
    if made and draw(st.integers(0, 5)) == 0:
        made = [*made, "..."]
    return ", ".join(made) or "void"


@st.composite
def prototypes(draw: Any) -> str:
    return str(draw(declarations(2, f"f({draw(parameters(2))})", False)))


@SETTINGS
@given(prototypes())
def test_a_signature_reads_its_own_text(text: str) -> None:
    signature = pytramp.Signature(text, types=TYPES)
    again = pytramp.Signature(str(signature), types=TYPES)
    assert again == signature
    assert str(again) == str(signature)
    for first, second in zip(signature.arguments, again.arguments, strict=True):
        assert first == second
        assert first.spelling == second.spelling
        assert first.dimensions == second.dimensions
        assert first.readonly == second.readonly
    assert signature.variadic == again.variadic


@SETTINGS
@given(prototypes())
def test_a_header_reads_what_a_declaration_reads(text: str) -> None:
    header = pytramp.cdef(f"{text};", types=TYPES)
    assert header.f == pytramp.Signature(text, types=TYPES)


# ---- Garbage ----

WORDS = (
    "int double const void struct enum union typedef static extern point node row x n f unsigned"
)
TOKENS = WORDS.split() + list("()[]{},;*=:?+-/%&|^~!<>.#\"'\\@$\n") + ["...", "sizeof", "_Atomic"]
TOKENS += ["__attribute__", "((packed))", "aligned(8)", "3", "0x1F", "1.5", "'a'", '"s"', "va_list"]
TOKENS += ["_Alignas", "[[", "]]", "#pragma pack(1)\n", "_BitInt", "__m128", "PyObject", "<<", "->"]
TOKENS += [
    "_Static_assert",
    "typeof",
    "__asm__",
    "long",
    "_Complex",
    "signed",
    "\0",
    "\u00e9",
    "/*",
]
TOKENS += ['# 3 "f.h"\n', "__extension__", "inline", "enum e { A = ", "struct s { int a : "]

GARBAGE = st.one_of(
    st.lists(st.sampled_from(TOKENS), max_size=25).map(" ".join),
    st.text(max_size=40),
    st.tuples(st.sampled_from("([{*-!"), st.integers(0, 3000)).map(lambda p: "int x" + p[0] * p[1]),
)
HARMLESS = (pytramp.DeclarationError, pytramp.UnsupportedTypeError)


def read_all(text: str) -> None:
    """Everything that reads text must read it or say why not."""
    for read in (declare.parse, declare.type_of):
        with contextlib.suppress(*HARMLESS):
            read(text, TYPES)
        with contextlib.suppress(*HARMLESS):
            read(text)
    with contextlib.suppress(*HARMLESS):
        types = pytramp.cdef(text, types=TYPES)
        for name in types:
            with contextlib.suppress(*HARMLESS):
                types[name]


@SETTINGS
@given(GARBAGE)
def test_garbage_is_an_error(text: str) -> None:
    read_all(text)


@SETTINGS
@given(prototypes(), st.data())
def test_a_changed_declaration_is_read_or_an_error(text: str, data: Any) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 6)))
        text = text[:start] + data.draw(st.sampled_from(["", *TOKENS])) + text[end:]
    read_all(text)
    read_all(f"struct t {{ {text}; }}; typedef {text};")
