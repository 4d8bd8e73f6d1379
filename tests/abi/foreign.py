"""Apple's and Windows' conventions for AArch64, run on Linux.

    python tests/abi/foreign.py apple --signatures 500 --seed 7
    python tests/abi/foreign.py windows

clang makes the callers for that system, as assembler text; put into ELF's words, it is linked with
the harness, and with a core whose port has that system's convention and va_list. What Linux has in
another size is left out. Needs clang, aarch64-linux-gnu-gcc and qemu.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # when run as a script

import native  # noqa: E402

from abi import generate, run, signatures  # noqa: E402
from abi.compilers import clang_for_aarch64  # noqa: E402
from abi.model import FLOAT16, Aggregate, Signature, Type  # noqa: E402
from abi.signatures import Filter, choose  # noqa: E402

CC = "aarch64-linux-gnu-gcc"
PORT = native.CSRC / "arch/aarch64/list_pointer.c"
REPLACED = "list_struct"  # the file of Linux's own port

# Headers that a compiler does not bring itself.
HEADERS = {
    "uchar.h": "#include <stdint.h>\n"
    "typedef uint_least16_t char16_t;\ntypedef uint_least32_t char32_t;\n",
    "wchar.h": "#include <stddef.h>\n",
}
FLAGS = ("-ffreestanding", "-std=c11", "-w", "-funsigned-char", "-fno-asynchronous-unwind-tables")


@dataclass(frozen=True)
class System:
    """A target of clang, the port's name for the system, and types that Linux has otherwise."""

    target: str
    macro: str
    to_elf: Callable[[str], Iterator[str]]
    others: frozenset[str]
    flags: tuple[str, ...] = ()


# ---- Assembler text ----

_IGNORED = (".loh", ".build_version", ".subsections_via_symbols", ".addrsig", ".set\t@", ".seh_")
_OPERATORS = {"PAGE": "", "PAGEOFF": ":lo12:", "GOTPAGE": ":got:", "GOTPAGEOFF": ":got_lo12:"}


def _is_ignored(line: str) -> bool:
    return line.lstrip().startswith(_IGNORED)


def _common(name: str, size: str, alignment: int) -> str:
    return f".local {name}\n.comm {name},{size},{alignment}"


def _mach_o_line(line: str) -> str:
    """No underscore before names, ELF's relocation operators."""
    if re.match(r"\s*\.asci[iz]", line):
        return line
    line = re.sub(r"(?<![\w.])_(\w+)", r"\1", line.partition(";")[0])
    return re.sub(r"([\w.]+)@([A-Z]+)", lambda m: _OPERATORS[m[2]] + m[1], line)


def _mach_o(text: str) -> Iterator[str]:
    for line in text.splitlines():
        section = re.match(r"\s*\.section\s+\w+,(\w+)", line)
        zeros = re.match(r"\s*\.zerofill\s+\w+,\w+,_?([\w.]+),(\d+),(\d+)", line)
        if zeros:
            yield _common(zeros[1], zeros[2], 1 << int(zeros[3]))
        elif section:
            yield ".text" if section[1] == "__text" else ".data"
        elif not _is_ignored(line):
            yield _mach_o_line(line)


def _coff(text: str) -> Iterator[str]:
    skipping = False  # a symbol's .def to its .endef
    for line in text.splitlines():
        zeros = re.match(r"\s*\.lcomm\s+([\w.]+),(\d+),(\d+)", line)
        skipping |= line.lstrip().startswith(".def")
        if zeros:
            yield _common(zeros[1], zeros[2], int(zeros[3]))
        elif re.match(r"\s*\.section", line):
            yield ".data"
        elif not (skipping or _is_ignored(line) or "@feat.00" in line):
            yield line
        skipping &= ".endef" not in line


_LONGS = {"long", "unsigned long"}
SYSTEMS = {
    "apple": System(
        "arm64-apple-macos",
        "PT_OS_DARWIN",
        _mach_o,
        frozenset({"long double", "_Complex long double", "wchar_t"}),
        ("-mllvm", "-aarch64-neon-syntax=generic"),
    ),
    "windows": System(
        "aarch64-windows-gnu",
        "PT_OS_WINDOWS",
        _coff,
        frozenset({"long double", "_Complex long double", "wchar_t", *_LONGS}),
    ),
}


# ---- What clang does wrong there ----


def _has_narrow_named(s: Signature) -> bool:
    """Apple: clang 14's callers of a variadic function do not put narrow arguments on the stack
    where its own functions look for them; clang 22's do."""
    return s.variadic and any(kind.size < 4 for kind in s.arguments)


def _slot(kind: Type) -> tuple[int, int]:
    """Size and alignment of what is passed behind "..." of Windows."""
    if isinstance(kind, Aggregate) and kind.size > 16:
        return 8, 8
    return -(-kind.size // 8) * 8, 16 if kind.alignment == 16 else 8


def _has_bits(kind: Type) -> bool:
    if not isinstance(kind, Aggregate):
        return False
    return kind.has_bits or any(_has_bits(m.type) for m in kind.members)


def _is_disputed_on_windows(s: Signature) -> bool:
    """clang's callers align an argument to 16 bytes, and put one on the stack that would begin in
    x7 and end there; its own va_arg does neither. Microsoft's document says: align, and split.
    Where bit-fields are, this cannot know: they are laid out in another way there."""
    at = 0 if s.variadic else 8  # behind the address of the function that gets a va_list
    for kind in [*s.arguments, *s.extra] if s.variadic else s.extra:
        size, alignment = _slot(kind)
        if _has_bits(kind) or (alignment > 8 and kind in s.extra):
            return True
        at = -(-at // alignment) * alignment
        if at < 64 < at + size:
            return True
        at += size
    return False


def _accepted(name: str) -> Filter:
    wrong = _has_narrow_named if name == "apple" else _is_disputed_on_windows
    others = SYSTEMS[name].others

    def accept(s: Signature) -> bool:
        unnamed = [*s.arguments, *s.extra] if s.variadic else s.extra
        if wrong(s) or FLOAT16 in unnamed:  # clang 14 has no code for it, or reads another place
            return False
        return not any(kind.spelling in others for kind in signatures.scalars(s))

    return signatures.both(clang_for_aarch64(), accept)


# ---- Building ----


def _core(system: System, folder: Path) -> list[Path]:
    (port,) = native.compile_all([PORT], folder, compiler=CC, flags=(f"-D{system.macro}=1",))
    return [port, *(path for path in native.core(CC) if REPLACED not in path.name)]


def _callers(system: System, source: Path, level: str) -> Path:
    """The object of a generated file."""
    folder = source.parent
    for name, text in HEADERS.items():
        (folder / name).write_text(text)
    includes = (f"-isystem{folder}", *native.INCLUDES, f"-I{HERE}")
    theirs, ours = source.with_suffix(".s"), source.with_suffix(".elf.s")
    words = [f"--target={system.target}", *FLAGS, *system.flags, level, *includes]
    native.execute(["clang", *words, "-S", source, "-o", theirs])
    ours.write_text("\n".join(system.to_elf(theirs.read_text())) + "\n")
    native.execute([CC, "-c", ours, "-o", source.with_suffix(".o")])
    return source.with_suffix(".o")


def check(name: str, count: int, seed: int, *, first: int = 0, level: str = "-O2") -> str:
    """Raises NativeError with the first differences; the harness's report."""
    system = SYSTEMS[name]
    folder = Path(tempfile.mkdtemp(prefix=f"abi-{name}-", dir=native.folder()))
    source = folder / "cases.c"
    source.write_text(generate.emit(seed, choose(seed, first, count, _accepted(name))))
    callers = _callers(system, source, level)
    own = (*run.FLAGS, f"-I{HERE}")
    harness = native.compile_all([(path, own) for path in run.HARNESS], folder, compiler=CC)
    program = folder / "cases"
    objects = [callers, *harness, *_core(system, folder / "core")]
    native.execute([CC, *objects, *native.link_flags(CC), "-o", program])
    return native.run(program).stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("system", choices=SYSTEMS)
    parser.add_argument("--signatures", type=int, default=400)
    parser.add_argument("--seed", type=int, default=run.SEED)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--level", default="-O2", help="of optimisation")
    options = parser.parse_args()
    try:
        report = check(
            options.system,
            options.signatures,
            options.seed,
            first=options.first,
            level=options.level,
        )
    except native.NativeError as error:
        print(error)
        return 1
    print(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
