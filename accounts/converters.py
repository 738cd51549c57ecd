"""Path converters: what is not even shaped like an id is a 404 before any view runs."""

from __future__ import annotations

from config.ulid import parse_ulid


class ULIDConverter:
    regex = "[0-9A-Za-z]{26}"

    def to_python(self, value: str) -> str:
        """The canonical text; Django takes the ValueError as "no such page"."""
        ulid = parse_ulid(value)
        if ulid is None:
            raise ValueError(f"{value} is not a ULID.")
        return ulid

    def to_url(self, value: str) -> str:
        return value
