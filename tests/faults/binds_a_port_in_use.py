"""Listens on a port that is taken."""

import socket

with socket.socket() as first, socket.socket() as second:
    first.bind(("127.0.0.1", 0))
    first.listen()
    second.bind(first.getsockname())
