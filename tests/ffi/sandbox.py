"""What the programs here have in common: memory that cannot become executable, and what is mapped.

They are run by Debian's Python, with libpytramp_ffi preloaded or, as the control, without.
"""

import ctypes


def refuse_exec_gain():
    """PR_SET_MDWE, as systemd's MemoryDenyWriteExecute= does; says so where there is none."""
    if ctypes.CDLL(None).prctl(65, ctypes.c_ulong(1), 0, 0, 0):
        print("no PR_SET_MDWE here")


def bad_mappings():
    """Those that are writable and executable, or shared without a file that others can open."""
    bad = []
    with open("/proc/self/maps") as maps:
        for line in maps:
            fields = line.split(None, 5)
            permissions, path = fields[1], fields[5].strip() if len(fields) > 5 else ""
            is_both = "w" in permissions and "x" in permissions
            is_shared = permissions[3] == "s" and (not path or "(deleted)" in path)
            if is_both or is_shared:
                bad.append(line.strip())
    return bad


def finish():
    """The last lines of a program that came so far."""
    for line in bad_mappings():
        print("bad:", line)
    print("done")
