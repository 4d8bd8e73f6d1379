"""Windows' own callbacks in Python: its API calls them, threads of its own, GetLastError."""

from __future__ import annotations

import functools
import importlib
import threading
from typing import Any

import pytest
import tools

import pytramp

if not tools.WINDOWS:
    pytest.skip("only Windows has its API", allow_module_level=True)

from pytramp.interop import ctypes as ours

ctypes: Any = importlib.import_module("ctypes")  # its stubs know Windows' names only there
wintypes: Any = importlib.import_module("ctypes.wintypes")
core: Any = pytramp  # get_last_error and set_last_error, likewise

BOOL, DWORD, LPVOID = wintypes.BOOL, wintypes.DWORD, ctypes.c_void_p
kernel32 = ctypes.WinDLL("kernel32")
user32 = ctypes.WinDLL("user32")
get_last, set_last = kernel32.GetLastError, kernel32.SetLastError
for _name in ("CreateThread", "CreateEventW", "CreateTimerQueue", "CreateWaitableTimerW"):
    getattr(kernel32, _name).restype = wintypes.HANDLE


def in_a_thread(start: Any, parameter: int = 0) -> int:
    """What CreateThread's thread ended with."""
    handle = wintypes.HANDLE(kernel32.CreateThread(None, 0, start, LPVOID(parameter), 0, None))
    assert handle
    status = DWORD()
    assert kernel32.WaitForSingleObject(handle, 60000) == 0
    assert kernel32.GetExitCodeThread(handle, ctypes.byref(status))
    kernel32.CloseHandle(handle)
    return int(status.value)


# ---- WINFUNCTYPE ----


def test_its_classes_are_those_of_ctypes() -> None:
    theirs = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_int)
    prototype = ours.WINFUNCTYPE(ctypes.c_int, ctypes.c_int)
    assert issubclass(prototype, theirs)
    assert prototype is ours.WINFUNCTYPE(ctypes.c_int, ctypes.c_int)
    before = pytramp.stats()["live"]
    function = prototype(lambda n: n + 1)
    assert pytramp.stats()["live"] == before + 1
    assert isinstance(function, theirs)
    assert function(41) == 42


def test_functions_of_a_dll_by_name() -> None:
    prototype = ours.WINFUNCTYPE(ctypes.c_int, ctypes.c_wchar_p)
    assert prototype(("lstrlenW", kernel32))("four") == 4
    with pytest.raises(AttributeError, match="no_such_function"):
        prototype(("no_such_function", kernel32))


def test_a_prototype_as_a_signature() -> None:
    prototype = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_double, ctypes.c_int)
    assert pytramp.Signature(prototype) == pytramp.Signature("int (double, int)")


def test_a_function_of_a_dll_is_called_without_python() -> None:
    """On x64 all of its functions have one convention."""
    function = ctypes.WinDLL("kernel32").MulDiv
    function.argtypes, function.restype = [ctypes.c_int] * 3, ctypes.c_int
    closure = pytramp.callback("int (int, int, int)", function)
    assert closure.native
    assert closure.address == ctypes.cast(function, LPVOID).value
    assert closure.as_ctypes()(6, 7, 2) == 21


def test_the_whole_process() -> None:
    """install() covers WINFUNCTYPE's classes."""
    before = pytramp.stats()["live"]
    pytramp.interop.install()
    try:
        function = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda n: -n)
        assert pytramp.stats()["live"] == before + 1
        assert function(3) == -3
    finally:
        pytramp.interop.uninstall()


# ---- GetLastError ----

def seen_by_c(function: Any, error: int) -> int:
    """GetLastError after a call of function, made when it was error."""
    lib = tools.library(
        """
        #include <windows.h>
        DWORD after(int (*f)(void), DWORD error) {
            SetLastError(error);
            f();
            return GetLastError();
        }
        """
    )
    lib.after.restype = DWORD
    return int(lib.after(function, DWORD(error)))


def test_it_survives_the_callable() -> None:
    def clobbers() -> int:
        set_last(99)
        return 1

    assert seen_by_c(pytramp.callback("int (void)", clobbers), 1234) == 1234


def test_the_callable_reads_it_and_sets_it() -> None:
    def function() -> int:
        seen.append(core.get_last_error())
        set_last(99)
        seen.append(core.get_last_error())
        core.set_last_error(87)
        seen.append(core.get_last_error())
        return 1

    seen: list[int] = []
    assert seen_by_c(pytramp.callback("int (void)", function), 1234) == 87
    assert seen == [1234, 1234, 87]


def test_calls_within_calls_have_their_own() -> None:
    def inner() -> int:
        seen.append(core.get_last_error())
        core.set_last_error(3)
        return 1

    def outer() -> int:
        core.set_last_error(2)
        seen.append(seen_by_c(pytramp.callback("int (void)", inner), 5))
        seen.append(core.get_last_error())
        return 1

    seen: list[int] = []
    assert seen_by_c(pytramp.callback("int (void)", outer), 1) == 2
    assert seen == [5, 3, 2]


def test_32_bits_of_it() -> None:
    closure = pytramp.callback("int (void)", lambda: core.set_last_error(0xC0000005) or 1)
    assert seen_by_c(closure, 1) == 0xC0000005
    core.set_last_error(17)
    for wrong, error in ((-1, OverflowError), (2**32, OverflowError), ("text", TypeError)):
        with pytest.raises(error):
            core.set_last_error(wrong)


@pytest.mark.parametrize("name", ["CFUNCTYPE", "WINFUNCTYPE"])
@pytest.mark.parametrize("use_errno", [False, True])
def test_use_last_error(name: str, use_errno: bool) -> None:
    """As in ctypes, whose copy is exchanged with the thread's own."""

    def function() -> int:
        seen.append(ctypes.get_last_error())
        ctypes.set_last_error(87)
        set_last(99)
        return 1

    for module in (ctypes, ours):
        seen: list[int] = []
        prototype = getattr(module, name)(ctypes.c_int, use_last_error=True, use_errno=use_errno)
        ctypes.set_last_error(5)
        assert seen_by_c(prototype(function), 1234) == 87, module
        assert seen == [1234], module
    assert ctypes.get_last_error() == 5  # ours leaves this thread's copy as it was


def test_cffi_finds_it() -> None:
    cffi = pytest.importorskip("cffi")
    ffi = cffi.FFI()
    seen = []
    function = ffi.callback("int (void)", lambda: seen.append(ffi.getwinerror()[0]) or 1)
    interop = importlib.import_module("pytramp.interop.cffi")
    made = interop.callback(ffi, "int (void)", lambda: seen.append(ffi.getwinerror()[0]) or 1)
    for each in (function, made):
        address = int(ffi.cast("uintptr_t", each))
        assert seen_by_c(ctypes.c_void_p(address), 1234) == 1234
    assert seen == [1234, 1234]


# ---- Its API ----


def sorted_by(name: str) -> list[int]:
    @pytramp.callback("int (const int *, const int *)")
    def compare(a: Any, b: Any) -> int:
        return int(a[0] - b[0])

    numbers = (ctypes.c_int * 6)(5, 1, 7, -3, 33, 0)
    library = ctypes.CDLL(name)
    library.qsort(numbers, ctypes.c_size_t(6), ctypes.c_size_t(4), compare)
    return list(numbers)


@pytest.mark.parametrize("name", ["ucrtbase", "msvcrt"])
def test_qsort_of_either_c_library(name: str) -> None:
    assert sorted_by(name) == [-3, 0, 1, 5, 7, 33]


def test_locales() -> None:
    """The callback gets wide text."""

    @pytramp.callback("int (const wchar_t *)")
    def note(name: Any) -> int:
        names.append(name.string())
        return 1

    names: list[str] = []
    assert kernel32.EnumSystemLocalesW(note, 1)
    assert len(names) > 10
    assert "00000409" in names  # English


def test_a_callback_that_has_enough() -> None:
    def note(name: str, flags: int, parameter: int) -> bool:
        seen.append((name, parameter))
        return len(seen) < 3

    seen: list[tuple[str, int]] = []
    prototype = ours.WINFUNCTYPE(BOOL, ctypes.c_wchar_p, DWORD, wintypes.LPARAM)
    assert kernel32.EnumSystemLocalesEx(prototype(note), 0, wintypes.LPARAM(-7), None)
    assert len(seen) == 3
    assert {parameter for _, parameter in seen} == {-7}


def test_resources() -> None:
    """The name is an address or, below 65536, a number."""

    def note(module: int, name: int, parameter: int) -> bool:
        names.append(name)
        return True

    names: list[int] = []
    prototype = ours.WINFUNCTYPE(BOOL, wintypes.HMODULE, LPVOID, wintypes.LPARAM)
    kernel32.LoadLibraryW.restype = wintypes.HMODULE
    module = wintypes.HMODULE(kernel32.LoadLibraryW("shell32.dll"))
    assert kernel32.EnumResourceTypesW(module, prototype(note), wintypes.LPARAM(0))
    assert any(0 < name < 65536 for name in names)


# ---- Windows and messages ----

WM_USER = 0x400


def window_of(procedure: Any, name: str) -> Any:
    """A window that is nowhere to be seen: it only gets messages."""

    class Class(ctypes.Structure):
        _fields_ = [
            ("style", wintypes.UINT),
            ("procedure", LPVOID),
            ("class_extra", ctypes.c_int),
            ("window_extra", ctypes.c_int),
            ("instance", wintypes.HINSTANCE),
            *((name, wintypes.HANDLE) for name in ("icon", "cursor", "background")),
            *((name, wintypes.LPCWSTR) for name in ("menu", "name")),
        ]

    described = Class(procedure=procedure.address, name=name)
    assert user32.RegisterClassW(ctypes.byref(described))
    create = user32.CreateWindowExW
    create.restype = wintypes.HWND
    only_messages = wintypes.HWND(-3)
    window = create(0, name, None, 0, 0, 0, 0, 0, only_messages, None, None, None)
    assert window
    return wintypes.HWND(window)


def test_a_window_procedure() -> None:
    default = user32.DefWindowProcW
    default.argtypes = [wintypes.HWND, wintypes.UINT, wintypes.WPARAM, wintypes.LPARAM]
    default.restype = ctypes.c_ssize_t

    @pytramp.callback("intptr_t (void *, unsigned, uintptr_t, intptr_t)")
    def procedure(window: int, message: int, wide: int, long: int) -> int:
        if message < WM_USER:
            return int(default(window, message, wide, long))
        messages.append((message, wide, long))
        return long - wide

    messages: list[tuple[int, int, int]] = []
    send = user32.SendMessageW
    send.restype = ctypes.c_ssize_t
    send.argtypes = default.argtypes
    window = window_of(procedure, "pytramp's window")
    assert send(window, WM_USER + 1, 2**63 - 6, -5) == 1 - 2**63
    assert send(window, WM_USER + 2, 2**32 + 7, 2**40) == 2**40 - 2**32 - 7
    assert messages == [(WM_USER + 1, 2**63 - 6, -5), (WM_USER + 2, 2**32 + 7, 2**40)]
    assert user32.DestroyWindow(window)


def test_a_timer() -> None:
    """DispatchMessage calls it."""

    @pytramp.callback("void (void *, unsigned, uintptr_t, unsigned long)")
    def ticks(window: Any, message: int, timer: int, milliseconds: int) -> None:
        seen.append((message, timer))

    seen: list[tuple[int, int]] = []
    set_timer = user32.SetTimer
    set_timer.restype = ctypes.c_size_t
    timer = set_timer(None, ctypes.c_size_t(0), 10, ticks)
    assert timer
    message = wintypes.MSG()
    while len(seen) < 2:
        assert user32.GetMessageW(ctypes.byref(message), None, 0, 0) > 0
        user32.DispatchMessageW(ctypes.byref(message))
    assert user32.KillTimer(None, ctypes.c_size_t(timer))
    assert set(seen) == {(0x113, timer)}


# ---- Threads that Python did not make ----


def test_a_thread() -> None:
    @pytramp.callback("unsigned long (void *)")
    def start(parameter: int) -> int:
        seen.append((parameter, threading.get_ident()))
        return parameter + 1

    seen: list[tuple[int, int]] = []
    before = threading.active_count()
    assert [in_a_thread(start, n) for n in range(1, 6)] == [2, 3, 4, 5, 6]
    assert [parameter for parameter, _ in seen] == [1, 2, 3, 4, 5]
    assert threading.get_ident() not in {ident for _, ident in seen}
    assert threading.active_count() == before


def test_a_thread_by_a_prototype_of_ctypes() -> None:
    start = ours.WINFUNCTYPE(DWORD, LPVOID)(lambda parameter: parameter * 2)
    assert in_a_thread(start, 21) == 42


def test_its_last_call_is_made_when_it_ends() -> None:
    """By fiber-local storage, as pytramp's own: in either order."""

    @pytramp.callback("void (void *)")
    def ends(value: int) -> None:
        seen.append((value, threading.get_ident()))

    @pytramp.callback("unsigned long (void *)")
    def start(parameter: int) -> int:
        seen.append((parameter, threading.get_ident()))
        return kernel32.FlsSetValue(index, LPVOID(parameter + 1)) - 1

    seen: list[tuple[int, int]] = []
    index = kernel32.FlsAlloc(ends)
    assert index != -1
    assert in_a_thread(start, 70) == 0
    (begun, ended) = seen
    assert (begun[0], ended[0]) == (70, 71)
    assert begun[1] == ended[1]
    assert in_a_thread(kernel32.FlsSetValue, index) in (0, 1)  # a thread without Python
    assert kernel32.FlsFree(index)


def test_timers_of_its_thread_pool() -> None:
    @pytramp.callback("void (void *, unsigned char)")
    def fires(parameter: int, is_timer: int) -> None:
        seen.append((parameter, is_timer, threading.get_ident()))
        if len(seen) >= 3:
            fired.set()

    seen: list[tuple[int, int, int]] = []
    fired = threading.Event()
    queue, timer = wintypes.HANDLE(kernel32.CreateTimerQueue()), wintypes.HANDLE()
    create = functools.partial(kernel32.CreateTimerQueueTimer, ctypes.byref(timer), queue)
    assert create(fires, LPVOID(5), 1, 5, 0)
    assert fired.wait(60)
    # INVALID_HANDLE_VALUE: it waits for the calls that run.
    assert kernel32.DeleteTimerQueueEx(queue, wintypes.HANDLE(-1))
    assert {(parameter, is_timer) for parameter, is_timer, _ in seen} == {(5, 1)}
    assert threading.get_ident() not in {ident for *_, ident in seen}


def test_calls_that_are_queued() -> None:
    """An APC, which interrupts a wait of the same thread."""

    @pytramp.callback("void (uintptr_t)")
    def call(value: int) -> None:
        seen.append((value, threading.get_ident()))

    seen: list[tuple[int, int]] = []
    here = wintypes.HANDLE(-2)  # GetCurrentThread()
    for value in (3, 2**63):
        assert kernel32.QueueUserAPC(call, here, ctypes.c_size_t(value))
    assert seen == []
    assert kernel32.SleepEx(60000, True) == 0xC0  # WAIT_IO_COMPLETION
    assert seen == [(3, threading.get_ident()), (2**63, threading.get_ident())]
