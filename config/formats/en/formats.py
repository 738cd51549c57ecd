"""How Django writes a time that nobody has given a form of its own: with its zone."""

DATETIME_FORMAT = r"j M Y, H:i:s \U\T\C"
