"""pycparser, which reads C: the only place that knows how it is called.

Every word is given to it on a line of its own. So the line that it says is the number of the word,
in every version of pycparser, whatever was left out or replaced before.
"""

from __future__ import annotations

import importlib
import re
import threading
from collections.abc import Iterable
from typing import Any

_AROUND = "__pytramp_around"  # the name of what words stand in: none that they may have themselves
_FIRST_LINE = 2
_POSITION = re.compile(r"[^:]*:(\d+):")


class NotParsed(Exception):
    """What pycparser refused. place: the number of the word that it could not read, or None."""

    def __init__(self, place: int | None, is_too_deep: bool = False) -> None:
        super().__init__(place)
        self.place = place
        self.is_too_deep = is_too_deep


def declarations(words: Iterable[str], typedefs: Iterable[str]) -> list[Any]:
    """The nodes of one declaration, one for each name that it declares.

    It stands in a block: outside, what follows a declaration by mistake may be a parameter's, as C
    once was written, and messages point elsewhere.
    """
    (function,) = _parse(f"void {_AROUND}(void) {{", words, "}", typedefs)
    nodes = function.body.block_items or []
    return [node for node in nodes if kind_of(node) != "EmptyStatement"]


def parameter(words: Iterable[str], typedefs: Iterable[str]) -> Any:
    """The node of a declaration as one of a parameter, which needs no name."""
    (function,) = _parse(f"void {_AROUND}(", words, ");", typedefs)
    nodes = function.type.args.params
    if len(nodes) != 1:
        raise NotParsed(None)
    return nodes[0]


def expression(words: Iterable[str], typedefs: Iterable[str]) -> Any:
    """The node of an expression."""
    (enum,) = _parse(f"enum {{ {_AROUND} = (", words, ") };", typedefs)
    nodes = enum.type.values.enumerators
    if len(nodes) != 1:
        raise NotParsed(None)
    return nodes[0].value


def place_of(node: Any) -> int:
    """The number of the word at which pycparser saw node."""
    line: int = node.coord.line
    return line - _FIRST_LINE


def kind_of(node: Any) -> str:
    """pycparser's name of the kind of node: naming it here keeps the import lazy."""
    return type(node).__name__


_LOCAL = threading.local()  # a parser may be used again, but not by two threads at once


def _parser() -> Any:
    if getattr(_LOCAL, "parser", None) is None:
        _LOCAL.parser = importlib.import_module("pycparser.c_parser").CParser()
    return _LOCAL.parser


def _parse(before: str, words: Iterable[str], after: str, typedefs: Iterable[str]) -> list[Any]:
    known = [f"typedef int {name};" for name in typedefs]
    lines = "\n".join(words)
    parser = _parser()
    try:
        tree = parser.parse(f"{''.join(known)}{before}\n{lines}\n{after}")
        nodes: list[Any] = tree.ext[len(known) :]
        if len(nodes) != 1:  # words may have closed what stands before them
            raise NotParsed(None)
        return nodes
    except (MemoryError, NotParsed):
        raise
    except RecursionError:
        raise NotParsed(None, is_too_deep=True) from None
    except Exception as error:  # its own, of several classes, or those of slips within it
        _LOCAL.parser = None
        position = _POSITION.match(str(error))
        raise NotParsed(int(position[1]) - _FIRST_LINE if position else None) from None
