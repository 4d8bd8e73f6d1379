from pybind11.setup_helpers import Pybind11Extension
from setuptools import setup

import pytramp

setup(
    name="sorting",
    version="1",
    ext_modules=[
        Pybind11Extension(
            "sorting", ["sorting.cpp"], include_dirs=[pytramp.get_include()], cxx_std=17
        )
    ],
)
