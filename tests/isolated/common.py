"""What the scripts of this folder share."""

import ctypes
import mmap
import os
import random
import sys

_maps = open("/proc/self/maps")  # still readable when /proc is gone


def _executable_mappings():
    """(addresses, permissions, path) of each."""
    _maps.seek(0)
    for line in _maps:
        fields = line.split(None, 5)
        if "x" in fields[1]:
            yield fields[0], fields[1], fields[5].strip() if len(fields) > 5 else ""


# From 3.14 on ctypes makes a closure of libffi's when it is imported, perhaps in writable memory.
_of_ctypes = {addresses for addresses, _, path in _executable_mappings() if not path}

import pytramp  # noqa: E402

libc = ctypes.CDLL(None, use_errno=True)
prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
signature = pytramp.Signature("int (int)")


def skip(reason):
    """Exit code 77: the test is skipped with what was printed."""
    print(reason)
    sys.stdout.flush()
    os._exit(77)


# ---- Closures ----


def add(k):
    return lambda n: n + k


def make(n, function=add):
    return [signature(function(k), error=-7, name="made") for k in range(n)]


def check(closures, function=prototype):
    """Some of them, the first and the last answer as they should."""
    chosen = {0, len(closures) - 1, *random.Random(1).sample(range(len(closures)), 500)}
    for k in chosen:
        assert function(closures[k].address)(1000) == 1000 + k, k


def refused(make):
    """The text of its MemoryError."""
    try:
        make()
    except MemoryError as error:
        return str(error)
    raise AssertionError("there was no MemoryError")


def late(addresses):
    """Closed ones give the error value; the reports are counted."""
    seen = []
    hook, sys.unraisablehook = sys.unraisablehook, seen.append
    try:
        assert {prototype(address)(1) for address in addresses} == {-7}
    finally:
        sys.unraisablehook = hook
    return len(seen)


# ---- Memory ----


def executable():
    """(permissions, path) of each executable mapping, which must be of a file and not writable."""
    mappings = _executable_mappings()
    found = [(mode, path) for at, mode, path in mappings if at not in _of_ctypes]
    for mode, path in found:
        assert "w" not in mode, (mode, path)
        assert path.startswith(("/", "[vdso]", "[vsyscall]", "[uprobes]")), (mode, path)
    return found


def check_maps(source):
    """Executable memory is the library's own file, or a memfd where that was asked for."""
    found = executable()
    is_ours = [path for _, path in found if "/pytramp/_core" in path]
    is_memfd = [path for _, path in found if path.startswith("/memfd:")]
    assert is_ours, found
    assert bool(is_memfd) == (source == "memfd"), found
    assert all(path.startswith("/memfd:pytramp") for path in is_memfd), found


# ---- Restrictions ----


def refuse_exec_gain():
    """PR_SET_MDWE, as systemd's MemoryDenyWriteExecute= does."""
    if libc.prctl(65, ctypes.c_ulong(1), 0, 0, 0):
        skip("this kernel has no PR_SET_MDWE")
    try:
        mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    except PermissionError:
        return
    raise AssertionError("PR_SET_MDWE does nothing")


def leave_proc():
    """No /proc, in a mount namespace of our own."""
    new_namespace, recursive, private, detach = 0x20000, 0x4000, 1 << 18, 2
    if libc.unshare(new_namespace):
        skip(f"unshare: {os.strerror(ctypes.get_errno())}; this test needs to run as root")
    if libc.mount(b"none", b"/", None, ctypes.c_ulong(recursive | private), None):
        skip(f"mount: {os.strerror(ctypes.get_errno())}")
    while not libc.umount2(b"/proc", detach):
        pass
    assert not os.path.exists("/proc/self")


class Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    ]


class Program(ctypes.Structure):
    _fields_ = [("n", ctypes.c_ushort), ("instructions", ctypes.POINTER(Instruction))]


# Of arch/x86/entry/syscalls/ and include/uapi/asm-generic/unistd.h of Linux.
X86_64 = {
    "open": 2,
    "openat": 257,
    "openat2": 437,
    "memfd_create": 319,
    "mmap": 9,
    "mremap": 25,
    "mprotect": 10,
    "pkey_mprotect": 329,
}
I386 = {
    "open": 5,
    "openat": 295,
    "openat2": 437,
    "memfd_create": 356,
    "mmap": 192,  # mmap2
    "mremap": 163,
    "mprotect": 125,
    "pkey_mprotect": 380,
}
GENERIC = {
    "open": None,  # openat
    "openat": 56,
    "openat2": 437,
    "memfd_create": 279,
    "mmap": 222,
    "mremap": 216,
    "mprotect": 226,
    "pkey_mprotect": 288,
}


def system_calls():
    """The numbers of this process' machine, which may have a kernel of more bits."""
    wide, machine = sys.maxsize > 1 << 32, os.uname().machine
    if machine in ("x86_64", "i386", "i586", "i686"):
        return X86_64 if wide else I386
    if wide and machine in ("aarch64", "riscv64", "loongarch64"):
        return GENERIC
    skip(f"the numbers of {machine}'s system calls are not known here")


def deny(always, executable=()):
    """A seccomp filter: EPERM for these system calls, for `executable` only with PROT_EXEC."""
    load, jump_equal, jump_set, give = 0x20, 0x15, 0x45, 0x06
    allow, refuse = 0x7FFF0000, 0x00050001  # ERRNO with EPERM
    numbers = system_calls()
    code = [(load, 0, 0, 0)]
    for number in filter(None, map(numbers.get, always)):
        code += [(jump_equal, 0, 1, number), (give, 0, 0, refuse)]
    for number in filter(None, map(numbers.get, executable)):
        # the third argument of all of these is the protection; its low half is at offset 32
        code += [(jump_equal, 0, 4, number), (load, 0, 0, 32)]
        code += [(jump_set, 0, 1, mmap.PROT_EXEC), (give, 0, 0, refuse), (give, 0, 0, allow)]
    code.append((give, 0, 0, allow))
    array = (Instruction * len(code))(*code)
    program = Program(len(code), array)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program), 0, 0):
        skip(f"seccomp: {os.strerror(ctypes.get_errno())}")


def no_new_code():
    """The filter of a careful service: no files, no memfd, no new executable mapping."""
    deny(["open", "openat", "openat2", "memfd_create"], ["mmap", "mprotect", "pkey_mprotect"])
    for attempt in (
        lambda: os.open("/", os.O_RDONLY),
        lambda: os.memfd_create("x"),
        lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    ):
        try:
            attempt()
        except PermissionError:
            continue
        raise AssertionError("the filter lets it through")


def replace_library(how):
    """What a package upgrade does to the file that is loaded."""
    path = pytramp._core.__file__
    assert "(deleted)" in path, "only the test's own copy is touched"
    with open(path, "rb") as file:
        content = bytearray(file.read())
    os.unlink(path)
    if how == "deleted":
        return
    if how == "other":
        note = content.index(b"\x04\x00\x00\x00\x14\x00\x00\x00\x03\x00\x00\x00GNU\x00")
        content[note + 16] ^= 0xFF  # the build-id
    elif how == "short":
        del content[10_000:]
    with open(path, "wb") as file:
        file.write(content)
