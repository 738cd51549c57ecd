"""Claims: a viewer takes a reward (`claiming`), the studio acknowledges it (`statuses`), and everybody reads it."""
