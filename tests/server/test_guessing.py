"""Who guesses passwords is slowed down, and nobody is locked out by that."""

from __future__ import annotations

import pytest

from chatterm.server.guessing import Guesses, network_of
from chatterm.server.problems import TooMany
from tests.clocks import Clock

HOME, AWAY = "192.0.2.1", "198.51.100.7"


@pytest.fixture
def guesses(clock: Clock) -> Guesses:
    return Guesses(clock)


def wrong(guesses: Guesses, name: str, address: str, times: int) -> None:
    for _ in range(times):
        guesses.begin(name, address)


def test_the_sixth_wrong_password_in_a_minute_has_to_wait(guesses: Guesses, clock: Clock) -> None:
    wrong(guesses, "ada", AWAY, 5)
    with pytest.raises(TooMany) as refused:
        guesses.begin("ada", AWAY)
    assert 0 < refused.value.retry_after <= 60
    clock.now += 61
    guesses.begin("ada", AWAY)


def test_who_is_attacked_logs_in_from_elsewhere(guesses: Guesses) -> None:
    wrong(guesses, "ada", AWAY, 5)
    guesses.begin("ada", HOME)


def test_an_address_that_tries_many_names_has_to_wait(guesses: Guesses) -> None:
    for number in range(30):
        guesses.begin(f"user{number}", AWAY)
    with pytest.raises(TooMany):
        guesses.begin("one more", AWAY)
    guesses.begin("one more", HOME)


def test_many_addresses_keep_out_strangers_and_not_the_user(guesses: Guesses) -> None:
    guesses.begin("ada", HOME)
    guesses.right("ada", HOME)
    for number in range(60):
        guesses.begin("ada", f"203.0.113.{number}")
    with pytest.raises(TooMany):
        guesses.begin("ada", "203.0.113.99")
    guesses.begin("ada", HOME)
    guesses.begin("bob", "203.0.113.99")


def test_the_right_password_forgives_the_wrong_ones(guesses: Guesses) -> None:
    for _ in range(6):
        wrong(guesses, "ada", HOME, 4)
        guesses.right("ada", HOME)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1:2", "2001:db8::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
    ],
)
def test_one_client_is_an_address_or_a_network_of_ipv6(address: str, network: str) -> None:
    assert network_of(address) == network
