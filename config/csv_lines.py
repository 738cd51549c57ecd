"""CSV that spreadsheets open as what it is: text in UTF-8, and no formulas."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

# Excel takes a file without it for text in the computer's own code page.
BYTE_ORDER_MARK = "\ufeff"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """A file for csv.writer that hands each line back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """The lines of a CSV file, one for each of `rows`, the first with the byte order mark."""
    writer = csv.writer(_Echo())
    mark = BYTE_ORDER_MARK
    for row in rows:
        yield mark + writer.writerow([_cell(value) for value in row])
        mark = ""


def _cell(value: object) -> object:
    """A text that begins like a formula gets an apostrophe in front; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
