"""Which socket is connected to which."""

from __future__ import annotations

import os
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import pipes, sockets


def name(end: socket.socket) -> str:
    return os.readlink(f"/proc/self/fd/{end.fileno()}")


def peers() -> dict[str, str]:
    found = sockets.peers()
    if not found:
        pytest.skip("the kernel tells nothing of sockets here")
    return found


def test_other_end_of_a_socket_is_found() -> None:
    one, other = socket.socketpair()
    with one, other:
        names = [name(end) for end in (one, other)]
        found = peers()
        assert [found[name] for name in names] == names[::-1]
        ends = {1: pipes.ends(os.getpid()), 2: {names[1]: frozenset({False, True})}}
        assert pipes.holders(1, False, ends, names[0], found) == [2]
        assert pipes.holders(1, False, ends, names[1], found) == []


@pytest.mark.parametrize(
    ("family", "bound", "called"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET, "0.0.0.0", "127.0.0.1"),
        (socket.AF_INET6, "::1", "::1"),
        # A server of both families sees a client of IPv4 as one of IPv6.
        (socket.AF_INET6, "::", "127.0.0.1"),
    ],
)
def test_other_end_of_a_connection_of_tcp_is_found(
    family: socket.AddressFamily, bound: str, called: str
) -> None:
    try:
        server = socket.create_server(
            (bound, 0), family=family, dualstack_ipv6=family == socket.AF_INET6 and bound == "::"
        )
    except (OSError, ValueError) as error:
        pytest.skip(f"no {family.name} here: {error}")
    with server, socket.create_connection((called, server.getsockname()[1])) as client:
        # Until it is accepted the connection is the listening socket's.
        assert peers()[name(client)] == name(server)
        accepted, _ = server.accept()
        with accepted:
            found = peers()
            assert found[name(client)] == name(accepted)
            assert found[name(accepted)] == name(client)
        assert name(server) not in found


A, B = (bytes(15) + b"\1", b"\0\1"), (bytes(15) + b"\2", b"\0\2")


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        ([sockets.Tcp(7, False, A, B), sockets.Tcp(8, False, B, A)], {7: 8, 8: 7}),
        # The other machine's end is not seen.
        ([sockets.Tcp(7, False, A, B)], {}),
        # A server of this network namespace does not make a stranger's connection its own.
        ([sockets.Tcp(7, False, A, B), sockets.Tcp(9, True, B, (bytes(16), b""))], {}),
        (
            [
                sockets.Tcp(7, False, A, B),
                sockets.Tcp(0, False, B, A),
                sockets.Tcp(9, True, B, (bytes(16), b"")),
            ],
            {7: 9},
        ),
    ],
    ids=["both", "one", "server of the same name", "not accepted"],
)
def test_who_is_connected_to_whom(seen: list[sockets.Tcp], found: dict[int, int]) -> None:
    assert sockets.tcp_pairs(seen) == {f"socket:[{a}]": f"socket:[{b}]" for a, b in found.items()}


@given(st.binary(max_size=200))
def test_any_answer_is_read_without_an_error(raw: bytes) -> None:
    for _, body in sockets.parts(raw, struct.Struct("=IHHII")):
        sockets.unix_pair(body)
        sockets.tcp_socket(body)
    sockets.tcp_socket(raw)
    sockets.unix_pair(raw)
