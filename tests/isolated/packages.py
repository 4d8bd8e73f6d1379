"""packages.py CASE: a package from PyPI, unchanged, whose ctypes callbacks are pytramp's."""

import importlib.util
import io
import os
import sys
import tempfile

import pytramp
from pytramp import interop

case = sys.argv[1]
before = pytramp.stats()["untouched"]
interop.install()


def need(name):
    if importlib.util.find_spec(name) is None:
        print(f"there is no Python module {name!r} here")
        sys.exit(77)


def clang():
    """C passes cursors, structs by value, and a Python object through a void *."""
    need("clang")
    from clang import cindex

    source = "struct point { int x; double y; };\nint add(int a, int b) { return a + b; }\n"
    index = cindex.Index.create()
    unit = index.parse("a.c", unsaved_files=[("a.c", source)])
    found = [
        (cursor.kind.name, cursor.spelling)
        for cursor in unit.cursor.walk_preorder()
        if cursor.spelling and cursor.location.file
    ]
    assert found[:4] == [
        ("STRUCT_DECL", "point"),
        ("FIELD_DECL", "x"),
        ("FIELD_DECL", "y"),
        ("FUNCTION_DECL", "add"),
    ], found
    fields = [field.spelling for field in next(unit.cursor.get_children()).type.get_fields()]
    assert fields == ["x", "y"], fields


def libarchive():
    """Streams of Python that C reads from and writes to."""
    need("libarchive")
    import libarchive

    packed = io.BytesIO()
    with libarchive.custom_writer(packed.write, "gnutar", "gzip") as archive:
        archive.add_file_from_memory("hello", 5, b"world")
    packed.seek(0)
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(packed.getvalue())) as tar:
        assert tar.extractfile("hello").read() == b"world"
    with libarchive.stream_reader(packed) as archive:
        entries = {entry.pathname: b"".join(entry.get_blocks()) for entry in archive}
    assert entries == {"hello": b"world"}, entries


def ghostscript():
    """What PostScript prints arrives through a callback."""
    need("ghostscript")
    try:
        import ghostscript
    except RuntimeError as error:  # no libgs
        print(error)
        sys.exit(77)
    out = io.BytesIO()
    arguments = ["gs", "-q", "-dNODISPLAY", "-dBATCH", "-dNOPAUSE", "-c", "6 7 mul == quit"]
    ghostscript.Ghostscript(*arguments, stdout=out, stderr=out)
    assert b"42" in out.getvalue(), out.getvalue()


def llvmlite():
    """The cache of compiled objects: C hands objects of Python back."""
    need("llvmlite")
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly("define i32 @answer() { ret i32 42 }")
    engine = llvm.create_mcjit_compiler(
        module, llvm.Target.from_default_triple().create_target_machine()
    )
    stored = {}
    engine.set_object_cache(
        lambda module, buffer: stored.update({module.name: len(buffer)}), lambda module: None
    )
    engine.finalize_object()
    import ctypes

    function = ctypes.CFUNCTYPE(ctypes.c_int)(engine.get_function_address("answer"))
    assert function() == 42
    assert next(iter(stored.values())) > 100, stored


def glfw():
    """Its error callback, of a system without a display."""
    need("glfw")
    import glfw

    errors = []
    glfw.set_error_callback(lambda code, text: errors.append((code, text)))
    os.environ.pop("DISPLAY", None)
    os.environ.pop("WAYLAND_DISPLAY", None)
    assert not glfw.init()
    assert errors, errors
    assert all(isinstance(code, int) and isinstance(text, bytes) for code, text in errors)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    {
        "clang": clang,
        "libarchive": libarchive,
        "ghostscript": ghostscript,
        "llvmlite": llvmlite,
        "glfw": glfw,
    }[case]()
    os.chdir("/")
assert pytramp.stats()["untouched"] < before, "none of its callbacks was pytramp's"
print("done")
