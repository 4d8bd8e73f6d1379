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


def _machine_types(signature: Signature) -> list[str]:
    """All that must agree: who gets the capsule has names of its own for types."""
    return [type_.canonical for type_ in (signature.result, *signature.arguments)]


def unnamed(signature: Signature) -> str:
    """Without names and const, arrays as pointers: "double (int, double *)"."""
    arguments = ", ".join(_spelled(type_) for type_ in signature.arguments)
    return f"{_spelled(signature.result)} ({arguments or 'void'})"


def _spelled(type_: Type) -> str:
    spelling = type_.spelling
    if type_.kind == "array":
        spelling = f"{type_.spelling.partition('[')[0]}*"
    words = re.findall(r"\w+|\S", spelling)
    text = " ".join(word for word in words if word != "const")
    return text.replace("* *", "**")
