"""ULIDs: what the specification says of them, and that they never go backwards."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from chatterm.ids import encode_ulid, ulid_factory, ulid_milliseconds

MILLISECONDS = st.integers(0, 2**48 - 1)
RANDOMNESS = st.integers(0, 2**80 - 1)
ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def test_the_time_of_the_specification_is_written_as_it_is_there() -> None:
    assert encode_ulid(1469918176385, 0)[:10] == "01ARYZ6S41"


def test_the_largest_ulid_is_the_one_of_the_specification() -> None:
    assert encode_ulid(2**48 - 1, 2**80 - 1) == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"


def test_the_smallest_is_all_zeros() -> None:
    assert encode_ulid(0, 0) == "0" * 26


@given(MILLISECONDS, RANDOMNESS)
def test_26_letters_of_crockfords_alphabet_hold_the_time(time: int, randomness: int) -> None:
    ulid = encode_ulid(time, randomness)
    assert ULID.fullmatch(ulid)
    assert ulid_milliseconds(ulid) == time


@given(st.tuples(MILLISECONDS, RANDOMNESS), st.tuples(MILLISECONDS, RANDOMNESS))
def test_text_order_is_the_order_of_time_and_then_of_randomness(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    assert (encode_ulid(*one) < encode_ulid(*other)) == (one < other)


@given(st.lists(st.floats(0, 4e9), min_size=2, max_size=50), st.binary(min_size=10, max_size=10))
def test_ids_of_one_process_grow_whatever_the_clock_does(
    times: list[float], randomness: bytes
) -> None:
    clock = iter(times)
    new_id = ulid_factory(clock.__next__, lambda _: randomness)
    ids = [new_id() for _ in times]
    assert ids == sorted(set(ids))


def test_ids_of_one_millisecond_differ_by_one() -> None:
    new_id = ulid_factory(lambda: 1.0, lambda count: bytes(count))
    assert [new_id()[10:] for _ in range(3)] == ["0" * 16, "0" * 15 + "1", "0" * 15 + "2"]


def test_when_the_random_part_is_used_up_the_time_moves_on() -> None:
    new_id = ulid_factory(lambda: 1.0, lambda count: b"\xff" * count)
    first, second = new_id(), new_id()
    assert first < second
    assert ulid_milliseconds(second) == ulid_milliseconds(first) + 1


def test_a_real_clock_and_real_randomness_give_different_ids() -> None:
    new_id, other = ulid_factory(), ulid_factory()
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(set(ids))
    assert other() not in ids
