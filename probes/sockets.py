"""Which socket is connected to which, from the kernel's socket diagnostics (sock_diag(7))."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_FAMILY = 4
"""NETLINK_SOCK_DIAG."""
_BY_FAMILY = 20
_REQUEST, _DUMP = 0x1, 0x300
_ERROR, _DONE = 2, 3
_SHOW_PEER = 4
_PEER = 2
_ESTABLISHED, _LISTEN = 1, 10
"""States of TCP."""
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_UNIX_QUESTION = struct.Struct("=BBHIIIII")
_UNIX_ANSWER = struct.Struct("=BBBBIII")
_TCP_QUESTION = struct.Struct("=BBBBI48x")
_TCP_ANSWER = struct.Struct("=BBBB2s2s16s16s12x16xI")
_MAPPED = bytes(10) + b"\xff\xff"
"""Before an address of IPv4 that stands as one of IPv6."""
_SECONDS = 0.5

End = tuple[bytes, bytes]
"""Address and port, as the network writes them."""


@dataclass(frozen=True)
class Tcp:
    """A socket of TCP that is connected, or that listens."""

    inode: int
    listens: bool
    own: End
    other: End


def peers() -> dict[str, str]:
    """``socket:[7]`` → ``socket:[8]``, the other end, of every connected socket of this network
    namespace whose other end is there too; empty where the kernel does not tell.

    The other end of a connection that nobody has accepted yet is the socket that listens.
    """
    found: dict[str, str] = {}
    question = _UNIX_QUESTION.pack(socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, _SHOW_PEER, 0, 0)
    for body in _asked(question):
        found |= unix_pair(body)
    states = 1 << _ESTABLISHED | 1 << _LISTEN
    seen = [
        tcp
        for family in (socket.AF_INET, socket.AF_INET6)
        for body in _asked(_TCP_QUESTION.pack(family, socket.IPPROTO_TCP, 0, 0, states))
        if (tcp := tcp_socket(body)) is not None
    ]
    return found | tcp_pairs(seen)


def tcp_pairs(seen: list[Tcp]) -> dict[str, str]:
    """Who of these is connected to whom (pure)."""
    ends = {(tcp.own, tcp.other): tcp.inode for tcp in seen if not tcp.listens}
    listening = {tcp.own: tcp.inode for tcp in seen if tcp.listens}
    found = {}
    for (own, other), inode in ends.items():
        # Without an inode it belongs to no process: it waits to be accepted.
        peer = ends.get((other, own)) or (
            listening.get(other) or listening.get((bytes(16), other[1]))
            if (other, own) in ends
            else None
        )
        if inode and peer:
            found[_name(inode)] = _name(peer)
    return found


def tcp_socket(body: bytes) -> Tcp | None:
    """One answer of the kernel's, ``inet_diag_msg``; None where it is cut off (pure)."""
    if len(body) < _TCP_ANSWER.size:
        return None
    family, state, _, _, port, other_port, address, other, inode = _TCP_ANSWER.unpack_from(body)
    return Tcp(
        inode,
        state == _LISTEN,
        (_address(family, address), port),
        (_address(family, other), other_port),
    )


def _address(family: int, raw: bytes) -> bytes:
    """Of sixteen bytes; one of IPv4 is the same in both families, and "any" is zero."""
    is_four = family == socket.AF_INET
    return _MAPPED + raw[:4] if is_four and any(raw[:4]) else bytes(16) if is_four else raw


def unix_pair(body: bytes) -> dict[str, str]:
    """The pair of one answer of the kernel's, ``unix_diag_msg``, empty where it has no other end
    (pure)."""
    if len(body) < _UNIX_ANSWER.size:
        return {}
    inode = _UNIX_ANSWER.unpack_from(body)[4]
    for attribute, value in parts(body[_UNIX_ANSWER.size :], _ATTRIBUTE):
        if attribute == _PEER and len(value) >= 4:
            return {_name(inode): _name(struct.unpack_from("=I", value)[0])}
    return {}


def _asked(question: bytes) -> Iterator[bytes]:
    """What the kernel answers, as far as it does."""
    size = _HEADER.size + len(question)
    try:
        with socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _FAMILY
        ) as ask:
            ask.settimeout(_SECONDS)
            ask.send(_HEADER.pack(size, _BY_FAMILY, _REQUEST | _DUMP, 1, 0) + question)
            while raw := ask.recv(1 << 16):
                for kind, body in parts(raw, _HEADER):
                    if kind in (_ERROR, _DONE):
                        return
                    yield body
    except OSError:
        return


def parts(raw: bytes, head: struct.Struct) -> Iterator[tuple[int, bytes]]:
    """Kind and body of what stands one after another, each with its length first (pure)."""
    while len(raw) >= head.size:
        size, kind = head.unpack_from(raw)[:2]
        if size < head.size:
            return
        yield kind, raw[head.size : size]
        raw = raw[(size + 3) & ~3 :]


def _name(inode: int) -> str:
    return f"socket:[{inode}]"
