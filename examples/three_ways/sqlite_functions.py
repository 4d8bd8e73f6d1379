"""SQLite sorts by a collation; its text has a length and no zero at the end."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import pytramp
from sqlite_functions import SQLITE_UTF8, Database, load
from three_ways.job import Job, Pointer, Work, shared_ffi

NAMES = [f"{letter}{n}" for n in range(50) for letter in ("Z", "ä", "É", "Ä", "b")]


@functools.cache
def database() -> Database:
    db = Database(load())
    db.run("CREATE TABLE people (name TEXT)")
    db.run(f"INSERT INTO people VALUES {', '.join(f'({name!r})' for name in NAMES)}")
    return db


def sort(collation: Pointer) -> list[str]:
    db = database()
    create = db.lib.sqlite3_create_collation_v2
    db.check(create(db.handle, b"casefold", SQLITE_UTF8, None, collation, None))
    query = "SELECT name FROM people ORDER BY name COLLATE casefold, rowid"
    return [name.decode() for name in db.column(query, "sqlite3_column_text")]


def collation_with_ctypes(work: Work) -> Any:
    text, length = ctypes.c_void_p, ctypes.c_int

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, length, text, length, text)
    def casefold(_: Any, n: int, a: int, m: int, b: int) -> int:
        left = ctypes.string_at(a, n).decode().casefold()
        right = ctypes.string_at(b, m).decode().casefold()
        return (left > right) - (left < right)

    return work(casefold)


def collation_with_cffi(work: Work) -> Any:
    ffi = shared_ffi()

    @ffi.callback("int(void *, int, const char *, int, const char *)")
    def casefold(_: Any, n: int, a: Any, m: int, b: Any) -> Any:
        left = ffi.unpack(a, n).decode().casefold()
        right = ffi.unpack(b, m).decode().casefold()
        return (left > right) - (left < right)

    return work(casefold)


def collation_with_pytramp(work: Work) -> Any:
    @pytramp.callback("int (void *, int n, const char a[n], int m, const char b[m])")
    def casefold(_: Any, _n: int, a: Any, _m: int, b: Any) -> int:
        left = bytes(a).decode().casefold()
        right = bytes(b).decode().casefold()
        return (left > right) - (left < right)

    return work(casefold)


JOBS = (
    Job(
        f"SQLite sorts {len(NAMES)} names",
        sort,
        (collation_with_ctypes, collation_with_cffi, collation_with_pytramp),
        lambda names: names == sorted(NAMES, key=str.casefold),
    ),
)
