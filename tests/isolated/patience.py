"""How long is too long: sanitizers are slow, and say so in PYTRAMP_TEST_PATIENCE."""

import os


def seconds(usual):
    return int(usual * float(os.environ.get("PYTRAMP_TEST_PATIENCE", "1")))
