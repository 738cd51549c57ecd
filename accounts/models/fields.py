"""The migrations' name for `config.ulid`."""

from config.ulid import ULIDField, new_ulid

__all__ = ["ULIDField", "new_ulid"]
