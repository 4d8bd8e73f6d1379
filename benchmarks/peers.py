"""The contestants that need a compiler: a hand-written extension, and cffi's extern "Python"."""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytramp.cli._callers import NoCompiler, compile_shared
from pytramp.cli._peers import Function, Peer

HERE = Path(__file__).parent

_EXTERN = 'extern "Python" int call_int(int, int); extern "Python" double call_double(double);'


def load(name: str, folder: Path) -> Any:
    """The extension module of that name, which was built into folder."""
    path = next(folder.glob(f"{name}*.so"))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build_handwritten(folder: Path) -> None:
    """handwritten.c as a module."""
    include = f"-I{sysconfig.get_paths()['include']}"
    compile_shared(HERE / "handwritten.c", folder / "handwritten.so", include)


def build_cffi_api(folder: Path) -> None:
    """cffi's API mode: the C functions are compiled, only their bodies are Python."""
    ffi = importlib.import_module("cffi").FFI()
    ffi.cdef(_EXTERN)
    ffi.set_source("_extern_python", "")
    ffi.compile(tmpdir=str(folder))


def handwritten_peers(module: Any, kind: str, held: bool) -> dict[str, Peer]:
    """The extension's callback, and the floors under every callback."""

    def peer(function_name: str) -> Peer:
        return Peer(lambda function: module.bind(function_name, function), lambda address: address)

    name = kind if held else f"{kind}_released"
    floors = {"API floor": peer(f"api_floor_{name}"), "floor": peer(f"floor_{name}")}
    return {"hand-written": peer(kind), **floors}


def cffi_api_peer(module: Any, kind: str) -> Peer:
    name = f"call_{kind}"

    def make(function: Function) -> object:
        module.ffi.def_extern(name=name)(function)
        return getattr(module.lib, name)

    def address(_callback: object) -> int:
        return int(module.ffi.cast("intptr_t", module.ffi.addressof(module.lib, name)))

    return Peer(make, address)


def more_peers(folder: Path) -> Callable[[str, bool], dict[str, Peer]]:
    """For pytramp.cli's Bench: the contestants that could be built here."""
    modules: dict[str, Any] = {}
    for name, build in (("handwritten", build_handwritten), ("_extern_python", build_cffi_api)):
        try:
            build(folder)
            modules[name] = load(name, folder)
        except (NoCompiler, ImportError) as reason:
            print(f"without {name}: {reason}", file=sys.stderr)

    def more(kind: str, held: bool) -> dict[str, Peer]:
        found = {}
        if "_extern_python" in modules:
            found["cffi API"] = cffi_api_peer(modules["_extern_python"], kind)
        if "handwritten" in modules:
            found |= handwritten_peers(modules["handwritten"], kind, held)
        return found

    return more
