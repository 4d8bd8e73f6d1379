"""libcurl calls Python: what it has read, how far it is, and what it has to say.

python examples/curl_transfer.py          (Debian: libcurl4)

The transfer with ctypes and cffi, too, and what each costs:
cd examples; python -m three_ways curl_transfer
"""

from __future__ import annotations

import ctypes
import hashlib
import sys
import tempfile
from ctypes.util import find_library
from pathlib import Path
from typing import Any

import pytramp

# CURLOPT_* and CURLE_* of curl/curl.h
URL, WRITEFUNCTION, NOPROGRESS, XFERINFOFUNCTION, ERRORBUFFER = 10002, 20011, 43, 20219, 10010
ABORTED_BY_CALLBACK, WRITE_ERROR = 42, 23


def load() -> Any:
    for name in ("curl", "curl-gnutls"):
        path = find_library(name)
        if path is not None:
            lib = ctypes.CDLL(path)
            lib.curl_easy_init.restype = ctypes.c_void_p
            lib.curl_easy_strerror.restype = ctypes.c_char_p
            return lib
    print("there is no libcurl here")
    sys.exit(77)


def fetch(
    lib: Any, url: str, stop_at: int | None = None, broken: bool = False
) -> tuple[int, bytes, list[int]]:
    """(CURLcode, what was read, the progress as it was reported)."""
    got, progress = bytearray(), []

    # The buffer has n * size bytes and no zero at its end; the number taken is the answer.
    @pytramp.callback("size_t (char data[n * size], size_t size, size_t n, void *)", error=0)
    def write(data: Any, size: int, n: int, _: int | None) -> int:
        if broken:
            raise OSError("the disk is full")
        got.extend(bytes(data))
        return size * n

    @pytramp.callback(
        "int (void *, int64_t total, int64_t now, int64_t to_send, int64_t sent)", error=1
    )
    def report(_: int | None, total: int, now: int, *_more: int) -> bool:
        progress.append(now)
        return stop_at is not None and now >= stop_at

    # An exception of write() ends the transfer, and is raised here.
    with pytramp.propagate(write):
        status = transfer(lib, url, write, report)
    return status, bytes(got), progress


def transfer(lib: Any, url: str, write: Any, report: Any) -> int:
    """What libcurl does with them."""
    handle = ctypes.c_void_p(lib.curl_easy_init())
    try:
        lib.curl_easy_setopt(handle, URL, url.encode())
        lib.curl_easy_setopt(handle, WRITEFUNCTION, write)
        lib.curl_easy_setopt(handle, NOPROGRESS, ctypes.c_long(report is None))
        lib.curl_easy_setopt(handle, XFERINFOFUNCTION, report)
        status: int = lib.curl_easy_perform(handle)
    finally:
        lib.curl_easy_cleanup(handle)
    return status


def main() -> None:
    lib = load()
    lib.curl_global_init(ctypes.c_long(3))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "numbers")
        path.write_bytes(b"".join(b"%d\n" % n for n in range(100_000)))
        url = path.as_uri()
        status, got, progress = fetch(lib, url)
        print(f"{len(got)} bytes, progress was reported {len(progress)} times")
        assert status == 0
        assert hashlib.sha256(got).digest() == hashlib.sha256(path.read_bytes()).digest()
        assert progress == sorted(progress)
        assert progress[-1] == len(got)

        status, got, _ = fetch(lib, url, stop_at=100_000)
        print(f"stopped after {len(got)} bytes: {lib.curl_easy_strerror(status).decode()}")
        assert status == ABORTED_BY_CALLBACK
        assert path.read_bytes().startswith(got)

        try:
            fetch(lib, url, broken=True)
        except OSError as error:
            print("OSError:", error)
        else:
            raise AssertionError("the exception was lost")


if __name__ == "__main__":
    main()
    print("right")
