"""Waits for the answer of a server that accepts and then says nothing."""

import socket


def ask() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with socket.create_connection(server.getsockname()) as client:
            _answering, _ = server.accept()
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            client.recv(1)


if __name__ == "__main__":
    ask()
