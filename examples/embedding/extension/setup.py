from setuptools import Extension, setup

import pytramp

setup(
    name="sorting",
    version="1",
    ext_modules=[Extension("sorting", ["sorting.c"], include_dirs=[pytramp.get_include()])],
)
