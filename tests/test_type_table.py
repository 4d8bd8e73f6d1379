"""docs/types.md says what is so: each of its cells is tried again."""

from __future__ import annotations

import native
import pytest
import tools
import type_table

pytestmark = pytest.mark.skipif(
    (tools.WORD, tools.LONG, tools.FLOAT16) != (64, 64, True), reason="the table is that of LP64"
)

PAGE = native.TESTS.parent / "docs" / "types.md"


def cells_of(text: str) -> dict[tuple[str, str], str]:
    """(C type, notation) -> cell, of the first table on the page."""
    found = {}
    for line in text.splitlines():
        name, *cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if name.strip().startswith("`") and len(cells) == len(type_table.NOTATIONS):
            for notation, cell in zip(type_table.NOTATIONS, cells, strict=True):
                found[name.strip(), notation] = cell
    return found


CELLS = cells_of(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", type_table.rows(), ids=lambda row: row.c)
@pytest.mark.parametrize("notation", type_table.NOTATIONS)
def test_each_cell(row: type_table.Row, notation: str) -> None:
    if notation == "cffi":
        tools.need("cffi")
    tried = type_table.cell(row, notation)
    documented = CELLS[f"`{row.declaration or row.c}`", notation]
    if documented == "—" and notation == "ctypes" and "_Complex" in row.c:
        return  # Python 3.14 has a name for it
    assert tried == documented


def test_the_page_is_the_program_s() -> None:
    tools.need("cffi")
    assert type_table.HEAD in PAGE.read_text(encoding="utf-8")
    assert type_table.TAIL in PAGE.read_text(encoding="utf-8")
    assert len(CELLS) == len(type_table.rows()) * len(type_table.NOTATIONS)


def test_no_scalar_is_left_out() -> None:
    """Every spelling of types.def has its row."""
    text = (native.CSRC / "types.def").read_text()
    rows = {row.c for row in type_table.rows()}
    for line in text.splitlines():
        if line.startswith("PT_SCALAR("):
            assert line.split('"')[1] in rows
