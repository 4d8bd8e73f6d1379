"""Random C declarations that C calls and Python answers: see test_random_python.py."""
