"""Random operations for as long as one likes: whatever the timing, nothing may go wrong.

    cd tests && python -m soak 300                     # for five minutes
    cd tests && python -m soak 300 --seed 7 --without fork interpreters

Threads of Python make, call, close, drop and collect callbacks of many types, fork, and begin and
end other interpreters, while threads of C call all of them and make closures of their own. At every
pause all threads are at rest, and the pool is checked. callers.c says which answers are allowed.

The first thing that is wrong ends the process with an exit code other than 0: after a line with
"FAILED", the seed and the operations; or, when it hangs or crashes, after the tracebacks of all
threads. A seed repeats the operations, not the timing.
"""
