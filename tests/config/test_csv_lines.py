"""CSV opens in a spreadsheet as the text that it is."""

from __future__ import annotations

import csv

import pytest

from config.csv_lines import csv_lines


def test_the_file_says_once_that_it_is_utf_8():
    file = "".join(csv_lines([["name"], ["Kronæ"]])).encode()
    assert file.startswith(b"\xef\xbb\xbfname\r\n")
    assert file.decode("utf-8-sig") == "name\r\nKronæ\r\n"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_that_begins_like_a_formula_is_no_formula(start: str):
    formula = f'{start}HYPERLINK("https://evil.example","a,b")'
    (row,) = csv.reader(csv_lines([["", formula, "x" + formula]]))
    assert row[1:] == [f"'{formula}", "x" + formula]


def test_numbers_stay_numbers():
    assert list(csv_lines([[-5, 7, None]])) == ["\ufeff-5,7,\r\n"]
