"""The name under which ctypes loads Python's own C library."""

import sys

NAME = "ucrtbase" if sys.platform == "win32" else None
