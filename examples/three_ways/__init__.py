"""The jobs of the examples with callbacks of ctypes, cffi and pytramp, and what each costs.

cd examples
python -m three_ways                   all of them (pip install cffi, and the libraries)
python -m three_ways nlopt_minimum     those of one example
python -m three_ways --write           the table of docs/coming-from.md

The modules with the names of examples hold the jobs: the callbacks three times, side by side, and
the work, which is C's and the same for all three. Lines are those of the callbacks, time is that of
the work, and each runs in processes of its own, with and without executable memory.
"""
