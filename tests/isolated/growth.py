"""growth.py RESTRICTION EXPECTED: beyond the built-in pool, with PYTRAMP_GROWTH as it is set.

EXPECTED is the growth step that does it, or "fails" and then the words of the MemoryError.
"""

import os
import sys

import common

import pytramp

restriction, expected, *words = sys.argv[1:]
N = 10_000
early = common.make(8000)
common.check(early)
assert pytramp.stats()["source"] == "built-in"
builtin = pytramp.stats()["builtin"]
assert builtin < N

RESTRICTIONS = {
    "none": lambda: None,
    "mdwe": common.refuse_exec_gain,
    "no_proc": common.leave_proc,
    "seccomp": common.no_new_code,
    "deleted": lambda: common.replace_library("deleted"),
    "other": lambda: common.replace_library("other"),
    "short": lambda: common.replace_library("short"),
}
RESTRICTIONS[restriction]()


def succeeds():
    closures = common.make(N)
    common.check(closures)
    common.check(early)
    assert pytramp.stats()["source"] == expected, pytramp.stats()
    assert pytramp.stats()["capacity"] > N + 8000
    common.check_maps(expected)
    pytramp._core.pool_check()
    pid = os.fork()
    if not pid:
        in_child(closures)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    addresses = [closure.address for closure in closures]
    for closure in closures:
        closure.close()
    assert common.late(addresses[:100]) == 100
    common.check(early)


def in_child(closures):
    """Uses what its parent made, and grows on."""
    code = 1
    try:
        common.check(closures)
        common.check(common.make(N))
        common.check_maps(expected)
        pytramp._core.pool_check()
        code = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def fails():
    """MemoryError that says why; what there is goes on, and what is freed can be had again."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # a quarantine is per processor
    made = common.make(builtin - 8000)
    text = common.refused(lambda: common.make(1))
    for word in ["mremap", "file", "memfd", *words]:
        assert word in text, (word, text)
    assert pytramp.stats()["capacity"] == builtin
    assert common.refused(lambda: pytramp.reserve(1)) == text
    common.check(early)
    for closure in early[:2000]:
        late.append(closure.address)
        closure.close()
    again = common.make(2000 - 1024)
    common.check(again)
    assert common.late(late[-10:]) == 10
    assert common.refused(lambda: common.make(1)) == text
    assert [common.prototype(made[k].address)(0) for k in (0, 100)] == [0, 100]
    assert [common.prototype(early[k].address)(0) for k in (2000, 7999)] == [2000, 7999]


late = []
if expected == "fails":
    fails()
else:
    succeeds()
common.executable()
pytramp._core.pool_check()
print("done")
