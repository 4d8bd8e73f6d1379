"""All jobs, in the order of the table."""

from __future__ import annotations

from three_ways import (
    asyncio_callbacks,
    curl_transfer,
    expat_parser,
    gsl_numerics,
    libc_callbacks,
    libxml2_sax,
    nlopt_minimum,
    sqlite_functions,
    uv_loop,
)

MODULES = (
    libc_callbacks,
    asyncio_callbacks,
    sqlite_functions,
    uv_loop,
    gsl_numerics,
    nlopt_minimum,
    libxml2_sax,
    curl_transfer,
    expat_parser,
)
JOBS = tuple(job for module in MODULES for job in module.JOBS)
