"""One lock for the little that the Python code of the package shares between threads.

Whoever forks holds it: a child that found it taken by a thread which it does not have would wait
for ever.
"""

from __future__ import annotations

import os
from _thread import RLock

LOCK = RLock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release
    )
