"""What callbacks of ctypes, cffi and pytramp do in situations that crash programs.

    cd tests && python -m robustness              # the table, in Markdown
    cd tests && python -m robustness --write      # into docs/robustness.md
    cd tests && python -m robustness freed fork   # only the rows whose keys contain a word

Each situation is written once, against the small interface of peers.py, and runs in a process of
its own for each peer; run.py says what became of it.
"""
