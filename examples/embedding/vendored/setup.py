import os

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

import pytramp


class BuildExtension(build_ext):
    """setuptools' own, which also takes assembler with a preprocessor."""

    def build_extensions(self):
        self.compiler.src_extensions.append(os.path.normcase(".S"))
        super().build_extensions()


setup(
    name="ordering",
    version="1",
    ext_modules=[
        Extension(
            "ordering",
            ["ordering.c", *pytramp.get_sources()],
            include_dirs=[pytramp.get_include()],
            # Nobody else sees the names of this copy.
            extra_compile_args=["-std=c11", "-fvisibility=hidden", "-DPYTRAMP_API="],
        )
    ],
    cmdclass={"build_ext": BuildExtension},
)
