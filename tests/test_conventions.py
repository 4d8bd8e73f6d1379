"""Declarations that name a calling convention: the platform's own is taken, others are refused."""

from __future__ import annotations

import re

import pytest
import tools

import pytramp
from pytramp import declare
from pytramp.cdecl import conventions

OTHER = "sysv_abi" if tools.WINDOWS else "ms_abi"
REASON = "cannot be chosen: callbacks of Python have the platform's own"


@pytest.fixture
def as_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """64-bit Windows, wherever the test runs. Declarations are kept by their text."""
    monkeypatch.setattr(conventions, "OWN_WORDS", conventions._own_words("win32", 64))
    attributes = conventions._own_attributes("win32", "AMD64", 64)
    monkeypatch.setattr(conventions, "OWN_ATTRIBUTES", attributes)
    monkeypatch.setattr(declare, "_parse", declare._parse.__wrapped__)


OWN = ["__cdecl", "_cdecl", "__attribute__((cdecl))", "__attribute__((__cdecl__))"]
WINDOWS = ["__stdcall", "__fastcall", "__attribute__((stdcall, fastcall))", "__thiscall"]


def of_signature(convention: str) -> list[str]:
    texts = ["int (C *f)(int)", "int C f(int)", "int C (int)", "int f(int) C"]
    return [str(pytramp.Signature(text.replace("C", convention))) for text in texts]


def of_header(convention: str) -> list[str]:
    """In each place where compilers take it; the struct is read to its end."""
    declared = pytramp.cdef(
        """
        typedef int (C *a)(int); typedef int C b(int); int C c(int); int (C d)(int);
        struct s { int (C *f)(int); int x; }; int e(int (C *f)(int));
        """.replace("C", convention)
    )
    assert str(declared.e) == "int (int (*)(int))"
    assert declared.s.x.offset
    return [str(declared[name]) for name in "abcd"]


@pytest.mark.parametrize("convention", OWN)
def test_the_platforms_own(convention: str) -> None:
    assert of_signature(convention) == of_header(convention) == ["int (int)"] * 4


@pytest.mark.parametrize("convention", [*OWN, *WINDOWS, "__attribute__((ms_abi))"])
def test_those_that_windows_compilers_ignore(convention: str, as_on_windows: None) -> None:
    assert of_signature(convention) == of_header(convention) == ["int (int)"] * 4


def test_macros_of_windows_in_one_declaration(as_on_windows: None) -> None:
    assert of_signature("WINAPI") == of_signature("CALLBACK") == ["int (int)"] * 4


REFUSED = [(f"__attribute__(({OTHER}))", OTHER), ("__vectorcall", "__vectorcall")]
if not tools.WINDOWS:
    REFUSED += [("__stdcall", "__stdcall"), ("_fastcall", "_fastcall")]


@pytest.mark.parametrize(("convention", "name"), REFUSED)
@pytest.mark.parametrize(
    "text",
    ["int (C *f)(int)", "int C f(int)", "int (C f)(int)", "int f(int (C *g)(int), int x)"],
)
def test_another_convention_is_refused(text: str, convention: str, name: str) -> None:
    match = re.escape(f"the calling convention '{name}' {REASON}")
    text = text.replace("C", convention)
    with pytest.raises(pytramp.UnsupportedTypeError, match=match):
        pytramp.Signature(text)
    types = pytramp.cdef(f"typedef {text}; int fine(int);")
    assert str(types.fine) == "int (int)"
    with pytest.raises(pytramp.UnsupportedTypeError, match=match) as caught:
        _ = types.f
    assert "the result" not in str(caught.value)


def test_behind_the_parameters() -> None:
    """Where it was not seen: the function was called in the other way."""
    match = f"the calling convention '{OTHER}' {REASON}"
    types = pytramp.cdef(f"int f(int) __attribute__(({OTHER}));")
    with pytest.raises(pytramp.UnsupportedTypeError, match=match):
        _ = types.f


def test_a_vector_result_behind_the_parameters() -> None:
    types = pytramp.cdef("int f(int) __attribute__((vector_size(16)));")
    with pytest.raises(pytramp.UnsupportedTypeError, match="the result: vector types"):
        _ = types.f


def test_a_macro_of_windows_elsewhere() -> None:
    if not tools.WINDOWS:
        with pytest.raises(pytramp.UnsupportedTypeError, match="'WINAPI' cannot be chosen"):
            pytramp.Signature("int (WINAPI *f)(int)")
    assert str(pytramp.cdef("int f(int WINAPI, int CALLBACK);").f) == "int (int, int)"


@pytest.mark.parametrize(
    ("system", "machine", "bits", "own", "other"),
    [
        ("linux", "x86_64", 64, {"stdcall", "regparm", "sysv_abi"}, {"ms_abi", "vectorcall"}),
        ("linux", "x86_64", 32, {"cdecl"}, {"stdcall", "regparm", "fastcall"}),
        ("linux", "aarch64", 64, {"cdecl", "stdcall"}, {"aarch64_vector_pcs", "pcs"}),
        ("win32", "AMD64", 64, {"ms_abi", "thiscall"}, {"sysv_abi", "vectorcall"}),
    ],
)
def test_what_each_platform_ignores(
    system: str, machine: str, bits: int, own: set[str], other: set[str]
) -> None:
    """As its compilers do; on 32-bit x86 each is one of its own."""
    found = conventions._own_attributes(system, machine, bits)
    assert own <= found
    assert not other & found
    assert other <= conventions.ATTRIBUTES
