"""Which signatures a compiler can be trusted with, by its predefined macros."""

from __future__ import annotations

import native

from abi import signatures
from abi.signatures import Filter

# The first that does it as the psABI says, or as gcc does where that says nothing.
CLANG_INT128 = 18
CLANG_UNNAMED_BITS = 24
CLANG_HALF_MEMBERS = 15
GCC_ZERO_WIDTH = 12
CLANG_ZERO_WIDTH = 15  # on AArch64
CLANG_SMALL_EXTRA = 16  # on PowerPC
CLANG_PACKED_QUADS = 22  # or somewhat before


def _clang(compiler: str) -> int | None:
    version = native.macros(compiler).get("__clang_major__")
    return int(version) if version else None


def _gcc(compiler: str) -> int | None:
    return None if _clang(compiler) else int(native.macros(compiler)["__GNUC__"])


def _sysv(clang: int | None, gcc: int | None) -> list[Filter]:
    """Of System V's convention on x86-64."""
    filters = []
    if clang and clang < CLANG_INT128:
        filters.append(signatures.without_int128_arguments)
    if clang and clang < CLANG_UNNAMED_BITS:
        filters.append(signatures.without_unnamed_extra)
    if gcc:
        filters += [
            signatures.without_valueless_arguments,
            signatures.without_extra_aligned_unions,
            signatures.without_zero_width_in_unions,
            signatures.without_packed_bits_in_unions,
            signatures.without_packed_elements,
        ]
    if gcc and gcc < GCC_ZERO_WIDTH:
        filters.append(signatures.without_zero_width)
    return filters


def _win64(clang: int | None, gcc: int | None) -> list[Filter]:
    """Of Windows' convention on x86-64."""
    filters = [signatures.without_bare_float16, signatures.without_empty_results]
    return filters + ([signatures.without_valueless_arguments] if gcc else [])


def _x86_64(clang: int | None, gcc: int | None) -> list[Filter]:
    """Either, by the function's attribute."""
    sysv = signatures.both(*_sysv(clang, gcc))
    foreign = [*_win64(clang, gcc), signatures.without_lists]
    if clang:
        foreign.append(signatures.without_bare_long_double)
    win64 = signatures.both(*foreign)
    return [lambda s: (win64 if s.convention == "ms_abi" else sysv)(s)]


def _aarch64(clang: int | None, gcc: int | None) -> list[Filter]:
    filters = [signatures.without_valueless_arguments] if clang else []
    if clang and clang < CLANG_ZERO_WIDTH:
        filters.append(signatures.without_zero_width)
    if clang and clang < CLANG_PACKED_QUADS:
        filters.append(signatures.without_packed_quads)
    if gcc:
        filters.append(signatures.without_extra_halves)
    return filters


def _loongarch(clang: int | None, gcc: int | None) -> list[Filter]:
    filters: list[Filter] = []
    if clang:
        filters += [signatures.without_valueless_members, signatures.without_overreaching_bits]
    if clang and clang < CLANG_HALF_MEMBERS:
        filters.append(signatures.without_half_members)
    return filters


def _i386(clang: int | None, gcc: int | None) -> list[Filter]:
    return [signatures.without_disputed_registers]


def _arm(clang: int | None, gcc: int | None) -> list[Filter]:
    disputed = signatures.without_packed_double_words if gcc else signatures.without_packed_doubles
    return [
        signatures.without_unexplained_alignment,
        signatures.without_zero_width,
        signatures.without_homogeneous_halves,
        disputed,
    ]


def _riscv(clang: int | None, gcc: int | None) -> list[Filter]:
    return _loongarch(clang, gcc) + ([signatures.without_zero_width] if clang else [])


def _s390x(clang: int | None, gcc: int | None) -> list[Filter]:
    filters = [signatures.without_zero_width]
    return [*filters, signatures.without_over_aligned] if gcc else filters


def _mips64(clang: int | None, gcc: int | None) -> list[Filter]:
    filters = [signatures.without_zero_width]
    if clang:
        filters += [signatures.without_bare_complex, signatures.without_int128_arguments]
    return filters


def _ppc64(clang: int | None, gcc: int | None) -> list[Filter]:
    return [signatures.without_zero_width]


def _elfv1(clang: int | None) -> list[Filter]:
    """Of 64-bit PowerPC's older ABI, besides."""
    filters = [signatures.without_float_unions] if clang else []
    if clang and clang < CLANG_SMALL_EXTRA:
        filters.append(signatures.without_small_extra)
    return filters


# What is wrong or disputed on a CPU, by its macro and the compiler's version (None for the other).
_OF_CPU = {
    "_WIN64": _win64,
    "__x86_64__": _x86_64,
    "__aarch64__": _aarch64,
    "__ARM_PCS_VFP": _arm,
    "__i386__": _i386,
    "__riscv": _riscv,
    "__loongarch__": _loongarch,
    "__s390x__": _s390x,
    "__powerpc64__": _ppc64,
    "__mips64": _mips64,
}


def _filters(compiler: str) -> list[Filter]:
    macros = native.macros(compiler)
    long, wchar = int(macros["__SIZEOF_LONG__"]), int(macros["__SIZEOF_WCHAR_T__"])
    sizes = {"long": long, "unsigned long": long, "wchar_t": wchar}
    filters = [signatures.with_bits_within(sizes)]
    if "__FLT16_MAX__" not in macros:
        filters.append(signatures.without_float16)
    if "__SIZEOF_INT128__" not in macros:
        filters.append(signatures.without_int128)
    if macros.get("_CALL_ELF") == "1":
        filters += _elfv1(_clang(compiler))
    of_cpu = next((filter_ for macro, filter_ in _OF_CPU.items() if macro in macros), None)
    return filters + (of_cpu(_clang(compiler), _gcc(compiler)) if of_cpu else [])


def _counts_unnamed_bits(compiler: str) -> bool:
    """See signatures.without_unnamed_bits."""
    clang = _clang(compiler)
    if "__x86_64__" not in native.macros(compiler):
        return True
    return clang is None or clang >= CLANG_UNNAMED_BITS


def clang_for_aarch64() -> Filter:
    """What the clang here passes rightly when it compiles for another system of that CPU."""
    return signatures.both(*_aarch64(_clang("clang"), None))


def accepted_by(*compilers: str) -> Filter:
    """What all of them pass in the same way."""
    filters = [accept for compiler in compilers for accept in _filters(compiler)]
    if len({_counts_unnamed_bits(compiler) for compiler in compilers}) > 1:
        filters.append(signatures.without_unnamed_bits)
    return signatures.both(*filters)
