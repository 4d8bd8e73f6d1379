"""SQLite calls Python: an aggregate, a collation, a progress handler, and destructors.

python examples/sqlite_functions.py          (Debian: libsqlite3-0)

The collation with ctypes and cffi, too, and what each costs:
cd examples; python -m three_ways sqlite_functions
"""

from __future__ import annotations

import ctypes
import statistics
import sys
from ctypes.util import find_library
from typing import Any

import pytramp

SQLITE_OK, SQLITE_INTERRUPT, SQLITE_ROW, SQLITE_UTF8 = 0, 9, 100, 1
NAMES = ["Zoë", "adam", "Béa", "Adam", "clara"]

types = pytramp.cdef("typedef struct sqlite3_context sqlite3_context;")


def load() -> Any:
    name = find_library("sqlite3")
    if name is None:
        print("there is no SQLite here")
        sys.exit(77)
    lib = ctypes.CDLL(name)
    lib.sqlite3_initialize()  # which Python's own for Windows does not do by itself
    lib.sqlite3_column_text.restype = lib.sqlite3_errmsg.restype = ctypes.c_char_p
    lib.sqlite3_column_double.restype = ctypes.c_double
    lib.sqlite3_value_double.restype = ctypes.c_double
    lib.sqlite3_value_double.argtypes = [ctypes.c_void_p]
    lib.sqlite3_result_double.argtypes = [ctypes.c_void_p, ctypes.c_double]
    lib.sqlite3_aggregate_context.restype = ctypes.POINTER(ctypes.c_size_t)
    lib.sqlite3_aggregate_context.argtypes = [ctypes.c_void_p, ctypes.c_int]
    return lib


class Database:
    def __init__(self, lib: Any) -> None:
        self.lib, self.handle = lib, ctypes.c_void_p()
        self.check(lib.sqlite3_open(b":memory:", ctypes.byref(self.handle)))

    def check(self, status: int) -> None:
        if status != SQLITE_OK:
            raise RuntimeError(self.lib.sqlite3_errmsg(self.handle).decode())

    def run(self, query: str) -> None:
        self.check(self.lib.sqlite3_exec(self.handle, query.encode(), None, None, None))

    def column(self, query: str, get: str) -> list[Any]:
        statement, found = ctypes.c_void_p(), []
        text = query.encode()
        self.check(
            self.lib.sqlite3_prepare_v2(self.handle, text, -1, ctypes.byref(statement), None)
        )
        while (status := self.lib.sqlite3_step(statement)) == SQLITE_ROW:
            found.append(getattr(self.lib, get)(statement, 0))
        self.lib.sqlite3_finalize(statement)
        if status == SQLITE_INTERRUPT:
            raise InterruptedError(query)
        return found


def add_median(db: Database, destroyed: list[str]) -> None:
    """An aggregate: SQLite keeps one number for each group, an index into `groups`."""
    lib, groups = db.lib, [[0.0]]

    @pytramp.callback("void (sqlite3_context *, int n, void *values[n])", types=types)
    def step(context: Any, n: int, values: Any) -> None:
        group = lib.sqlite3_aggregate_context(context.address, ctypes.sizeof(ctypes.c_size_t))
        if not group[0]:
            group[0] = len(groups)
            groups.append([])
        groups[group[0]].append(lib.sqlite3_value_double(values[0]))

    @pytramp.callback("void (sqlite3_context *)", types=types)
    def final(context: Any) -> None:
        group = lib.sqlite3_aggregate_context(context.address, 0)
        lib.sqlite3_result_double(context.address, statistics.median(groups[group[0]]))

    # SQLite calls it when it needs the function no more: then all may go, itself included.
    @pytramp.callback("void (void *)", immortal=True)
    def destroy(_: int | None) -> None:
        destroyed.append("median")
        for closure in (step, final, destroy):
            closure.close()

    arguments = (db.handle, b"median", 1, SQLITE_UTF8, None, None, step, final, destroy)
    db.check(lib.sqlite3_create_function_v2(*arguments))


def add_collation(db: Database, destroyed: list[str]) -> None:
    """Text comes with its length and without a zero at the end: a char array of that length."""

    @pytramp.callback("int (void *, int n, const char a[n], int m, const char b[m])", immortal=True)
    def casefold(_: int | None, n: int, a: Any, m: int, b: Any) -> int:
        left, right = (bytes(text).decode().casefold() for text in (a, b))
        return (left > right) - (left < right)

    @pytramp.callback("void (void *)", immortal=True)
    def destroy(_: int | None) -> None:
        destroyed.append("casefold")
        casefold.close()
        destroy.close()

    arguments = (db.handle, b"casefold", SQLITE_UTF8, None, casefold, destroy)
    db.check(db.lib.sqlite3_create_collation_v2(*arguments))


def interrupt(db: Database) -> int:
    """An endless query ends when the progress handler, called every 100 instructions, says so."""
    calls = 0

    @pytramp.callback("int (void *)", error=1)
    def enough(_: int | None) -> bool:
        nonlocal calls
        calls += 1
        return calls == 1000

    db.lib.sqlite3_progress_handler(db.handle, 100, enough, None)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    try:
        db.column(endless, "sqlite3_column_double")
    except InterruptedError:
        return calls
    finally:
        db.lib.sqlite3_progress_handler(db.handle, 0, None, None)
    raise AssertionError("it came to an end")


def main() -> None:
    db, destroyed = Database(load()), list[str]()
    add_median(db, destroyed)
    add_collation(db, destroyed)
    numbers = {1: [3.5, 1.0, 2.0], 2: [10.0, 40.0]}
    db.run("CREATE TABLE sample (part INTEGER, x REAL); CREATE TABLE people (name TEXT)")
    for part, values in numbers.items():
        for x in values:
            db.run(f"INSERT INTO sample VALUES ({part}, {x})")
    db.run(f"INSERT INTO people VALUES {', '.join(f'({name!r})' for name in NAMES)}")

    query = "SELECT median(x) FROM sample GROUP BY part ORDER BY part"
    medians = db.column(query, "sqlite3_column_double")
    print("medians:", medians)
    assert medians == [statistics.median(values) for values in numbers.values()]

    query = "SELECT name FROM people ORDER BY name COLLATE casefold, rowid"
    names = [name.decode() for name in db.column(query, "sqlite3_column_text")]
    print("sorted:", names)
    assert names == sorted(NAMES, key=str.casefold)

    print("interrupted after", interrupt(db), "calls")

    db.check(db.lib.sqlite3_close(db.handle))
    print("destroyed:", sorted(destroyed))
    assert sorted(destroyed) == ["casefold", "median"]
    assert pytramp.stats()["live"] == 0


if __name__ == "__main__":
    main()
    print("right")
