"""``cdef``: the declarations of a C header, for Python."""

from __future__ import annotations

from collections.abc import Sequence

from pytramp.cdecl import header, preprocess
from pytramp.cdecl.namespace import Types
from pytramp.cdecl.scope import Scope


def cdef(source: str, *, cpp: bool | Sequence[str] = False, types: Types | None = None) -> Types:
    """Read C declarations: typedefs, structs, unions, enums, function types and prototypes.

    ``cdef("typedef struct { double x, y; } point;").point`` is a ctypes class of C's layout;
    ``cdef("typedef int (*compare)(const void *, const void *);").compare(f)`` makes a Closure.
    The result is what ``types=`` of callback, Signature and cdef takes.

    cpp: run the text through the C compiler's preprocessor first (``cc -E``, or $CC), as
    ``#include`` needs; a list is of further options (["-I/usr/include/libxml2"]). Macros that are
    integers are then names, too.
    types: earlier declarations that source builds on; their names are found in the result.

    DeclarationError with ``.column`` and the line where source is not C, or where the preprocessor
    fails. What is C, but cannot be passed or laid out, raises UnsupportedTypeError when it is used.
    TypeError unless source is a str. Any thread.
    """
    if not isinstance(source, str):
        raise TypeError(f"C declarations are a str, not {type(source).__name__!r}")
    parent: Scope | None = None
    if types is not None:
        if not isinstance(types, Types):
            raise TypeError(f"types= is what cdef() made, not {type(types).__name__!r}")
        parent = types._scope
    text = str(source)
    if cpp:
        text = preprocess.preprocess(text, () if cpp is True else _options(cpp))
    return Types(header.read(text, parent))


def _options(cpp: object) -> list[str]:
    if isinstance(cpp, (list, tuple)) and all(isinstance(option, str) for option in cpp):
        return list(cpp)
    raise TypeError("cpp= is True, False or a list of options for the preprocessor")
