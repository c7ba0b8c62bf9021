"""Writes to a database that another process has locked: the lock is asked for again and again."""

import os
import sqlite3
import sys
import time

name = sys.argv[1]
database = sqlite3.connect(name)
database.execute("create table steps (n)").connection.commit()
database.close()
read, write = os.pipe()
child = os.fork()
database = sqlite3.connect(name, timeout=3600)
if child == 0:
    database.execute("begin exclusive")
    os.write(write, b"x")
    time.sleep(3600)
os.read(read, 1)
print("culprit", child, flush=True)
database.execute("insert into steps values (1)")
