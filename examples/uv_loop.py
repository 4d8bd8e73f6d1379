"""libuv calls Python: work in its thread pool, and timers.

python examples/uv_loop.py          (Debian: libuv1)

The thread pool with ctypes and cffi, too, and what each costs:
cd examples; python -m three_ways uv_loop
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from ctypes.util import find_library
from typing import Any

import pytramp

UV_TIMER, UV_WORK = 13, 7  # enum uv_handle_type, enum uv_req_type
UV_RUN_DEFAULT = 0


def load() -> Any:
    name = find_library("uv")
    if name is None:
        print("there is no libuv here")
        sys.exit(77)
    lib = ctypes.CDLL(name)
    for function in (lib.uv_loop_size, lib.uv_handle_size, lib.uv_req_size):
        function.restype = ctypes.c_size_t
    return lib


class Loop:
    """A uv_loop_t with what its callbacks need: each is found by the address of its request."""

    def __init__(self, lib: Any) -> None:
        self.lib = lib
        self.memory = ctypes.create_string_buffer(lib.uv_loop_size())
        assert lib.uv_loop_init(self.memory) == 0
        self.jobs: dict[int, dict[str, Any]] = {}
        self.work = pytramp.callback("void (void *request)", self._work)
        self.after = pytramp.callback("void (void *request, int status)", self._after)
        self.expired = pytramp.callback("void (void *timer)", self._expired)
        self.closed = pytramp.callback("void (void *handle)", self._closed)

    def _keep(self, size: int, **job: Any) -> Any:
        request = ctypes.create_string_buffer(size)
        self.jobs[ctypes.addressof(request)] = {**job, "request": request}
        return request

    def submit(self, function: Any, argument: int, done: Any) -> None:
        size = self.lib.uv_req_size(UV_WORK)
        request = self._keep(size, function=function, argument=argument, done=done)
        assert self.lib.uv_queue_work(self.memory, request, self.work, self.after) == 0

    def _work(self, request: int) -> None:
        """In a thread of libuv's."""
        job = self.jobs[request]
        job["result"] = job["function"](job["argument"])

    def _after(self, request: int, status: int) -> None:
        """In the loop's thread."""
        assert status == 0
        job = self.jobs.pop(request)
        job["done"](job["argument"], job["result"])

    def call_every(self, milliseconds: int, function: Any) -> None:
        """function() until it returns False."""
        timer = self._keep(self.lib.uv_handle_size(UV_TIMER), function=function)
        assert self.lib.uv_timer_init(self.memory, timer) == 0
        every = ctypes.c_uint64(milliseconds)
        assert self.lib.uv_timer_start(timer, self.expired, every, every) == 0

    def _expired(self, timer: int) -> None:
        if self.jobs[timer]["function"]() is False:
            self.lib.uv_timer_stop(ctypes.c_void_p(timer))
            self.lib.uv_close(ctypes.c_void_p(timer), self.closed)

    def _closed(self, handle: int) -> None:
        del self.jobs[handle]

    def run(self) -> None:
        self.lib.uv_run(self.memory, UV_RUN_DEFAULT)
        assert self.lib.uv_loop_close(self.memory) == 0


def main() -> None:
    loop = Loop(load())
    threads, results, ticks = set[int](), dict[int, int](), []

    def square(n: int) -> int:
        threads.add(threading.get_ident())
        time.sleep(0.02)
        return n * n

    for n in range(12):
        loop.submit(square, n, results.__setitem__)

    def tick() -> bool:
        ticks.append(threading.get_ident())
        return len(ticks) < 5

    loop.call_every(10, tick)
    loop.run()
    print(f"{len(results)} jobs in {len(threads)} threads, {len(ticks)} ticks")
    assert results == {n: n * n for n in range(12)}
    assert threading.get_ident() not in threads
    assert ticks == [threading.get_ident()] * 5
    assert loop.jobs == {}


if __name__ == "__main__":
    main()
    print("right")
