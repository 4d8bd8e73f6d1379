"""Closures as PyCapsules whose name is the function's type, as scipy.LowLevelCallable wants it."""

from __future__ import annotations

import re

from pytramp._core import Closure, Signature, Type, capsule


def as_capsule(closure: Closure, signature: str | None) -> object:
    """The capsule; see Closure.as_capsule."""
    if signature is None:
        signature = unnamed(closure.signature)
    elif _machine_types(Signature(signature)) != _machine_types(closure.signature):
        raise TypeError(f"'{closure.signature}' is no '{signature}'")
    return capsule(closure, signature)


def _machine_types(signature: Signature) -> tuple[list[str], bool]:
    """All that must agree: who gets the capsule has names of its own for types."""
    types = [type_.canonical for type_ in (signature.result, *signature.arguments)]
    return types, signature.variadic


def unnamed(signature: Signature) -> str:
    """Without names and const, arrays as pointers: "double (int, double *)"."""
    arguments = [_spelled(type_) for type_ in signature.arguments]
    arguments += ["..."] if signature.variadic else []
    return f"{_spelled(signature.result)} ({', '.join(arguments) or 'void'})"


def _spelled(type_: Type) -> str:
    spelling = type_.spelling
    if type_.kind == "array" and type_.target is not None:
        spelling = type_.target.declared("*")
    words = re.findall(r"\w+|\.\.\.|\S", spelling)
    text = " ".join(word for word in words if word != "const")
    return re.sub(r"(?<=[*(]) (?=[*)\w])| (?=[,)])|(?<=\)) (?=\()", "", text)
