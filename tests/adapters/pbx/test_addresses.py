"""Ports of an instance."""

from __future__ import annotations

import socket

import pytest

from router.adapters.pbx.addresses import Ports, free_tcp_port, is_free
from router.adapters.pbx.errors import PbxError


def test_free_ports_differ_and_can_be_bound() -> None:
    ports = Ports.free()

    assert ports.taken() == []
    assert ports.rtp_first % 2 == 0
    assert ports.rtp_last - ports.rtp_first == 199


def test_a_port_somebody_listens_on_is_named() -> None:
    ports = Ports.free()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as somebody:
        somebody.bind(("127.0.0.1", ports.sip))

        assert ports.taken() == [f"SIP {ports.sip}/udp"]

    assert ports.taken() == []


def test_a_port_whose_last_connection_lingers_counts_as_free() -> None:
    port = free_tcp_port()
    with socket.create_server(("127.0.0.1", port)) as server:
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()  # our side closes first, and so stays in TIME_WAIT
        client.close()

    assert is_free(socket.SOCK_STREAM, "127.0.0.1", port)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sip": 0},
        {"ami": 65536},
        {"rtp_first": 20001},
        {"rtp_first": 20000, "rtp_last": 20001},
        {"rtp_first": 20000, "rtp_last": 19000},
    ],
)
def test_impossible_ports_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(PbxError) as refused:
        Ports(**wrong)

    assert refused.value.error_id == "bad-port"
