"""C declarations as text -> types: `parse` for a prototype, `type_of` for one type.

Every function here may be called from any thread. Results are cached by text.

Columns count from 1, in characters of the whole text as it was given: comments and line ends count
too, so a text of several lines still has one column per character.
"""

from __future__ import annotations

import functools
import importlib
import re
from typing import Any, NoReturn

from pytramp import _typenames
from pytramp._core import Type
from pytramp._errors import declaration_error, unsupported_error
from pytramp._outline import outline
from pytramp._tokens import Token
from pytramp.prototype import Prototype

_RESULT = "the result: "
_AS_VOID_POINTER = "is not supported yet: declare it 'void *' for now"


def parse(text: str) -> Prototype:
    """The function type that text declares: `int (int, double)`, `int (*)(void *)`, `int f(int)`.

    `()` means no parameters. Raises TypeError unless text is a str, DeclarationError with `.column`
    where text is not one C prototype, UnsupportedTypeError for legal types that cannot be passed.
    """
    _require_text(text)
    return _parse(str(text))


def type_of(spelling: str) -> Type:
    """The type that spelling names: "unsigned long", "const void *", "int32_t". Errors as parse."""
    _require_text(spelling)
    return _type_of(str(spelling))


def _require_text(text: object) -> None:
    if not isinstance(text, str):
        raise TypeError(f"a C declaration is a str, not {type(text).__name__!r}")


@functools.lru_cache(maxsize=512)
def _parse(text: str) -> Prototype:
    return _Declaration(text).prototype()


@functools.lru_cache(maxsize=512)
def _type_of(text: str) -> Type:
    return _Declaration(text).type_alone()


# Where in the text pycparser stands is known by the line alone: each token gets one of its own. So
# columns are exact in every version of pycparser, whatever words were replaced.
_FIRST_LINE = 3


def _tree(text: str, tokens: list[Token]) -> Any:
    """pycparser's node for one parameter declaration, as which C accepts abstract types too."""
    parser = importlib.import_module("pycparser.c_parser")
    known = sorted({token.text for token in tokens} & _typenames.TYPEDEF_NAMES)
    typedefs = "".join(f"typedef int {name};" for name in known)
    lines = "\n".join(token.text for token in tokens)
    try:
        tree = parser.CParser().parse(f"{typedefs}\nvoid prototype(\n{lines}\n);")
    except (parser.ParseError, RecursionError, AssertionError, AttributeError) as error:
        _refuse(text, tokens, error)
    return tree.ext[-1].type.args.params[0]


def _refuse(text: str, tokens: list[Token], error: Exception) -> NoReturn:
    """Says in our words, at our column, what pycparser did not understand."""
    position = re.match(r"[^:]*:(\d+):", str(error))
    place = int(position[1]) - _FIRST_LINE if position else 0
    if place >= len(tokens):
        end = tokens[-1].offset + len(tokens[-1].text)
        raise declaration_error(text, end, "the declaration is incomplete") from None
    token = tokens[max(place, 0)]
    reason = f"unexpected {token.text!r}" if position else "this is not a C declaration"
    raise declaration_error(text, token.offset, reason) from None


class _Declaration:
    """One text being turned into types; used once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = outline(text)
        self._node = _tree(text, self._tokens)

    def prototype(self) -> Prototype:
        function = self._node.type
        if _kind(function) == "PtrDecl":
            function = function.type
        if _kind(function) != "FuncDecl":
            self._fail(self._node, "this declares no function: parameters in '( )' are missing")
        name = self._name(self._node)
        parameters = self._parameters(function)
        names = tuple(self._name(node) for node in parameters)
        self._check_unique(names, parameters)
        return Prototype(
            self._type(function.type, _RESULT),
            tuple(self._argument(node, i) for i, node in enumerate(parameters, 1)),
            names,
            name,
        )

    def type_alone(self) -> Type:
        name = self._name(self._node)
        if name is not None:
            self._fail(self._node, f"a type alone is expected: remove {name!r}", word=name)
        return self._type(self._node.type, "")

    def _parameters(self, function: Any) -> list[Any]:
        parameters = function.args.params if function.args is not None else []
        if len(parameters) == 1 and _is_plain_void(parameters[0]):
            return []
        return list(parameters)

    def _argument(self, node: Any, number: int) -> Type:
        name = self._name(node)
        role = f"parameter {name!r}: " if name is not None else f"parameter {number}: "
        result = self._type(node.type, role)
        if result.spelling == "void":
            self._fail(node, f"{role}'void' is no type for a parameter")
        return result

    def _name(self, node: Any) -> str | None:
        name: str | None = node.name
        if name in _typenames.UNSUPPORTED:
            self._unsupported(node, f"{name!r} is not supported yet", name)
        if name in _typenames.TYPE_WORDS:
            self._fail(node, f"{name!r} is a type and cannot be a name here", word=name)
        return name

    def _check_unique(self, names: tuple[str | None, ...], nodes: list[Any]) -> None:
        seen = set()
        for name, node in zip(names, nodes, strict=True):
            if name is not None and name in seen:
                self._fail(node, f"two parameters are named {name!r}", word=name)
            seen.add(name)

    def _type(self, node: Any, role: str) -> Type:
        """The type of a declarator; role begins messages and says whose type it is."""
        self._check_qualifiers(node, role)
        kind = _kind(node)
        if kind == "TypeDecl":
            return self._base(node, role)
        if kind == "PtrDecl":
            return self._pointer(node, role)
        if kind == "FuncDecl" and role == _RESULT:
            self._fail(node, "a function cannot return a function")
        if kind == "ArrayDecl" and role == _RESULT:
            self._fail(node, "a function cannot return an array")
        what = "a function type" if kind == "FuncDecl" else "an array"
        self._unsupported(node, f"{role}{what} {_AS_VOID_POINTER}")

    def _check_qualifiers(self, node: Any, role: str) -> None:
        while _kind(node) in _DECLARATORS:
            if _kind(node) == "TypeDecl" and "restrict" in (node.quals or ()):
                self._fail(node, f"{role}only a pointer can be 'restrict'")
            node = node.type

    def _pointer(self, node: Any, role: str) -> Type:
        target = node.type
        if _kind(target) == "TypeDecl" and getattr(target.type, "names", None) == ["void"]:
            return Type.pointer(_spelled(node))
        self._unsupported(node, f"{role}{_described(node)} {_AS_VOID_POINTER}")

    def _base(self, node: Any, role: str) -> Type:
        specifier = node.type
        if _kind(specifier) == "Enum":
            return Type.alias(f"enum {specifier.name}", Type.scalar("int"))
        if _kind(specifier) in ("Struct", "Union"):
            what = f"{_words(specifier)!r} by value"
            hint = "use Signature.from_types with a ctypes class"
            self._unsupported(node, f"{role}{what} is not supported in text yet: {hint}")
        return self._arithmetic(node, specifier.names, role)

    def _arithmetic(self, node: Any, names: list[str], role: str) -> Type:
        """The type that these specifiers mean together, void included."""
        for name in names:
            if name in _typenames.UNSUPPORTED:
                hint = _typenames.UNSUPPORTED[name]
                self._unsupported(node, f"{role}{name!r} is not supported yet: {hint}", name)
        if len(names) == 1 and names[0] in _typenames.TYPEDEFS:
            return Type.alias(names[0], Type.scalar(_typenames.TYPEDEFS[names[0]]))
        canonical = _typenames.scalar(names)
        if canonical is None:
            self._fail(node, f"{role}{' '.join(names)!r} is no C type")
        return Type.scalar(canonical)

    def _fail(self, node: Any, message: str, word: str | None = None) -> NoReturn:
        raise declaration_error(self._text, self._offset(node, word), message)

    def _unsupported(self, node: Any, message: str, word: str | None = None) -> NoReturn:
        raise unsupported_error(self._text, self._offset(node, word), message)

    def _offset(self, node: Any, word: str | None) -> int:
        """Where the type of node begins or, given a word, where that comes next."""
        line: int = _specifier(node).coord.line
        place = max(line - _FIRST_LINE, 0)
        if word is None:
            if place and self._tokens[place - 1].text in _typenames.TAGGED:
                place -= 1  # pycparser gives the place of the tag
            return self._tokens[place].offset
        return next(token.offset for token in self._tokens[place:] if token.text == word)


_DECLARATORS = frozenset({"TypeDecl", "PtrDecl", "FuncDecl", "ArrayDecl"})


def _kind(node: Any) -> str:
    """pycparser's name of the kind of node: naming it here keeps the import lazy."""
    return type(node).__name__


def _specifier(node: Any) -> Any:
    """The node of the specifiers below all declarators."""
    while _kind(node) in _DECLARATORS or _kind(node) in ("Decl", "Typename"):
        node = node.type
    return node


def _is_plain_void(node: Any) -> bool:
    declarator = node.type
    return (
        node.name is None
        and _kind(declarator) == "TypeDecl"
        and not declarator.quals
        and getattr(declarator.type, "names", None) == ["void"]
    )


def _words(specifier: Any) -> str:
    """`unsigned int`, `struct point`."""
    if hasattr(specifier, "names"):
        return " ".join(specifier.names)
    return f"{_kind(specifier).lower()} {specifier.name}"


def _spelled(pointer: Any) -> str:
    """The C spelling of a pointer, without its own qualifiers: `const void *`, `int *const *`."""
    stars = "*"
    target = pointer.type
    while _kind(target) == "PtrDecl":
        stars = "*" + "".join(f"{qualifier} " for qualifier in target.quals) + stars
        target = target.type
    qualifiers = sorted(set(target.quals or ()))
    return " ".join([*qualifiers, _words(target.type), stars])


def _described(pointer: Any) -> str:
    """A pointer, for a message."""
    target = pointer.type
    while _kind(target) == "PtrDecl":
        target = target.type
    if _kind(target) == "TypeDecl":
        return repr(_spelled(pointer))
    return "a function pointer" if _kind(target) == "FuncDecl" else "a pointer to an array"
