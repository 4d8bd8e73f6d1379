"""A real CPython for Windows, run by wine.

wine.py: a Windows. cpython.py: the interpreter in it. launcher.c, compiler.py: this machine's
cross compilers, called from there. tests.py: pytramp, built and tested in it.
"""
