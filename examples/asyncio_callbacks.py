"""Threads of C report to an event loop.

python examples/asyncio_callbacks.py

The same with ctypes and cffi, too, and what each costs:
cd examples; python -m three_ways asyncio_callbacks
"""

from __future__ import annotations

import asyncio
import ctypes
import threading

import pytramp

libc = ctypes.CDLL(None)


async def main() -> None:
    done: asyncio.Queue[int] = asyncio.Queue()

    # C starts a thread that calls this. The thread gets NULL at once and ends; the coroutine is a
    # task of the loop. The argument is a token: pointers to C's memory would be refused.
    @pytramp.callback("void *(void *token)", loop=asyncio.get_running_loop(), result=0)
    async def finished(token: int | None) -> None:
        await asyncio.sleep(0.01)
        print(f"job {token} in {threading.current_thread().name}")
        await done.put(token or 0)

    thread = ctypes.c_ulong()
    for token in (1, 2, 3):
        argument = ctypes.c_void_p(token)
        assert libc.pthread_create(ctypes.byref(thread), None, finished, argument) == 0
        libc.pthread_detach(thread)
    print("finished:", sorted([await done.get() for _ in range(3)]))


if __name__ == "__main__":
    asyncio.run(main())
