from Cython.Build import cythonize
from setuptools import Extension, setup

import pytramp

setup(
    name="sorting",
    version="1",
    ext_modules=cythonize(
        [Extension("sorting", ["sorting.pyx"], include_dirs=[pytramp.get_include()])]
    ),
)
