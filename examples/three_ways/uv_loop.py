"""libuv runs work in its thread pool, and says in the loop's thread that it is done."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import pytramp
from three_ways.job import Job, Pointer, Work, shared_ffi
from uv_loop import UV_RUN_DEFAULT, UV_WORK, load

NUMBERS = range(200)
uv = functools.cache(load)


def run(square: Pointer, done: Pointer) -> None:
    """Each request begins with a word that is the user's: here the number."""
    lib = uv()
    loop = ctypes.create_string_buffer(lib.uv_loop_size())
    assert lib.uv_loop_init(loop) == 0
    requests = [ctypes.create_string_buffer(lib.uv_req_size(UV_WORK)) for _ in NUMBERS]
    for n, request in zip(NUMBERS, requests, strict=True):
        ctypes.c_size_t.from_buffer(request).value = n
        assert lib.uv_queue_work(loop, request, square, done) == 0
    lib.uv_run(loop, UV_RUN_DEFAULT)
    assert lib.uv_loop_close(loop) == 0


def squares_with_ctypes(work: Work) -> Any:
    squares, finished = dict[int, int](), []
    number = ctypes.POINTER(ctypes.c_size_t)

    @ctypes.CFUNCTYPE(None, number)
    def square(request: Any) -> None:
        squares[request[0]] = request[0] ** 2

    @ctypes.CFUNCTYPE(None, number, ctypes.c_int)
    def done(request: Any, _status: int) -> None:
        finished.append(request[0])

    work(square, done)
    return {n: squares[n] for n in finished}


def squares_with_cffi(work: Work) -> Any:
    squares, finished = dict[int, int](), []
    ffi = shared_ffi()

    @ffi.callback("void(size_t *)")
    def square(request: Any) -> None:
        squares[request[0]] = request[0] ** 2

    @ffi.callback("void(size_t *, int)")
    def done(request: Any, _status: int) -> None:
        finished.append(request[0])

    work(square, done)
    return {n: squares[n] for n in finished}


def squares_with_pytramp(work: Work) -> Any:
    squares, finished = dict[int, int](), []

    @pytramp.callback("void (size_t *request)")
    def square(request: Any) -> None:
        squares[request[0]] = request[0] ** 2

    @pytramp.callback("void (size_t *request, int status)")
    def done(request: Any, _status: int) -> None:
        finished.append(request[0])

    work(square, done)
    return {n: squares[n] for n in finished}


JOBS = (
    Job(
        f"libuv squares {len(NUMBERS)} numbers in its threads",
        run,
        (squares_with_ctypes, squares_with_cffi, squares_with_pytramp),
        lambda squares: squares == {n: n * n for n in NUMBERS},
    ),
)
