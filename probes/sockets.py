"""Which unix socket is connected to which, from the kernel's socket diagnostics (sock_diag(7))."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

_FAMILY = 4
"""NETLINK_SOCK_DIAG."""
_BY_FAMILY = 20
_REQUEST, _DUMP = 0x1, 0x300
_ERROR, _DONE = 2, 3
_SHOW_PEER = 4
_PEER = 2
_HEADER = struct.Struct("=IHHII")
_QUESTION = struct.Struct("=BBHIIIII")
_ANSWER = struct.Struct("=BBBBIII")
_ATTRIBUTE = struct.Struct("=HH")
_SECONDS = 0.5


def peers() -> dict[str, str]:
    """``socket:[7]`` → ``socket:[8]``, the other end, of every connected unix socket of this
    network namespace; empty where the kernel does not tell."""
    question = _QUESTION.pack(socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, _SHOW_PEER, 0, 0)
    size = _HEADER.size + len(question)
    found: dict[str, str] = {}
    try:
        with socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _FAMILY
        ) as ask:
            ask.settimeout(_SECONDS)
            ask.send(_HEADER.pack(size, _BY_FAMILY, _REQUEST | _DUMP, 1, 0) + question)
            while (answer := parse(ask.recv(1 << 16)))[1]:
                found |= answer[0]
            return found | answer[0]
    except OSError:
        return found


def parse(raw: bytes) -> tuple[dict[str, str], bool]:
    """The pairs of one message, and whether more messages follow (pure)."""
    found: dict[str, str] = {}
    for kind, body in _parts(raw, _HEADER):
        if kind in (_ERROR, _DONE):
            return found, False
        if len(body) < _ANSWER.size:
            continue
        inode = _ANSWER.unpack_from(body)[4]
        for attribute, value in _parts(body[_ANSWER.size :], _ATTRIBUTE):
            if attribute == _PEER and len(value) >= 4:
                found[f"socket:[{inode}]"] = f"socket:[{struct.unpack_from('=I', value)[0]}]"
    return found, bool(raw)


def _parts(raw: bytes, head: struct.Struct) -> Iterator[tuple[int, bytes]]:
    """Kind and body of what stands one after another, each with its length first."""
    while len(raw) >= head.size:
        size, kind = head.unpack_from(raw)[:2]
        if size < head.size:
            return
        yield kind, raw[head.size : size]
        raw = raw[(size + 3) & ~3 :]
