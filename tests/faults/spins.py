"""Busy without progress."""

while True:
    pass
