"""The main thread waits for the result of a thread that reads from a server which says nothing."""

import socket
from concurrent.futures import ThreadPoolExecutor

server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
print("begun", flush=True)
ThreadPoolExecutor(1).submit(client.recv, 1).result()
