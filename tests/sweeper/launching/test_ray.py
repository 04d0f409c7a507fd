"""Whether the head of a cluster is there."""

import socket

import pytest

from lrlab.sweeper.launching.ray import ADDRESS, answers


def test_a_port_at_which_something_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert answers(address)
    assert not answers(address)


@pytest.mark.parametrize("address", ["no.such.host.invalid:6379", "127.0.0.1:1"])
def test_one_that_is_not_there(address: str) -> None:
    assert not answers(address)


@pytest.mark.parametrize(
    ("address", "is_asked"),
    [
        ("10.0.0.1:6379", True),
        ("head:6379", True),
        ("[::1]:6379", True),
        ("auto", False),
        ("local", False),
        ("None", False),
        ("ray://head:10001", False),
    ],
)
def test_which_addresses_are_asked_first(address: str, is_asked: bool) -> None:
    assert bool(ADDRESS.fullmatch(address)) == is_asked
