"""Which unix socket is connected to which."""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import pipes, sockets


def test_other_end_of_a_socket_is_found() -> None:
    one, other = socket.socketpair()
    with one, other:
        names = [os.readlink(f"/proc/self/fd/{end.fileno()}") for end in (one, other)]
        peers = sockets.peers()
        if not peers:
            pytest.skip("the kernel tells nothing of sockets here")
        assert [peers[name] for name in names] == names[::-1]
        ends = {1: pipes.ends(os.getpid()), 2: {names[1]: frozenset({False, True})}}
        assert pipes.holders(1, False, ends, names[0], peers) == [2]
        assert pipes.holders(1, False, ends, names[1], peers) == []


@given(st.binary(max_size=200))
def test_any_answer_is_read_without_an_error(raw: bytes) -> None:
    sockets.parse(raw)
