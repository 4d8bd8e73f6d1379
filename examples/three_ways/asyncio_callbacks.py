"""Threads of C report to an event loop, where a coroutine takes what they say."""

from __future__ import annotations

import asyncio
import ctypes
from typing import Any

import pytramp
from three_ways.job import Job, Pointer, Work, shared_ffi

LIBC = ctypes.CDLL(None)
TOKENS = range(1, 51)


def run_threads(report: Pointer) -> None:
    threads = (ctypes.c_ulong * len(TOKENS))()
    for thread, token in enumerate(TOKENS):
        at = ctypes.byref(threads, thread * ctypes.sizeof(ctypes.c_ulong))
        LIBC.pthread_create(at, None, report, ctypes.c_void_p(token))
    for thread in threads:
        LIBC.pthread_join(ctypes.c_ulong(thread), None)


async def all_of(queue: asyncio.Queue[int]) -> list[int]:
    return [await queue.get() for _ in TOKENS]


def reports_with_ctypes(work: Work) -> Any:
    async def main() -> list[int]:
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[int]()

        @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
        def report(token: int) -> int:
            asyncio.run_coroutine_threadsafe(queue.put(token), loop)
            return 0

        work(report)
        return await all_of(queue)

    return asyncio.run(main())


def reports_with_cffi(work: Work) -> Any:
    async def main() -> list[int]:
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[int]()

        @shared_ffi().callback("uintptr_t(uintptr_t)")
        def report(token: int) -> int:
            asyncio.run_coroutine_threadsafe(queue.put(token), loop)
            return 0

        work(report)
        return await all_of(queue)

    return asyncio.run(main())


def reports_with_pytramp(work: Work) -> Any:
    async def main() -> list[int]:
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[int]()

        @pytramp.callback("void *(void *token)", loop=loop, result=0)
        async def report(token: int) -> None:
            await queue.put(token)

        work(report)
        return await all_of(queue)

    return asyncio.run(main())


JOBS = (
    Job(
        "50 threads of C report to asyncio",
        run_threads,
        (reports_with_ctypes, reports_with_cffi, reports_with_pytramp),
        lambda tokens: sorted(tokens) == list(TOKENS),
    ),
)
