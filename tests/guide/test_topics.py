"""The guide names nothing that the program does not have."""

from __future__ import annotations

import pytest

from tests.guide.named import claims, codes, has_keys, is_there

NOT_YET = frozenset(
    """
    chatterm keys
    chatterm serve
    chatterm users
    option --no-auth
    """.strip().split("\n    ")
)
"""What the guide already explains and the program is still to get: this list only shrinks."""

EVERY = sorted({(claim, topic) for topic, code in codes() for claim in claims(code)})


def waits(claim: str) -> bool:
    return any(claim == known or claim.startswith(f"{known} ") for known in NOT_YET)


def test_every_command_option_key_and_setting_that_the_guide_names_exists() -> None:
    missing = [
        f"{topic}: {claim}" for claim, topic in EVERY if not waits(claim) and not is_there(claim)
    ]
    assert not missing, "change scripts/guide/topics.toml and train the guide anew (make guide)"


@pytest.mark.parametrize("claim", sorted(NOT_YET))
def test_what_is_there_by_now_is_taken_off_the_list(claim: str) -> None:
    claimed = {known for known, _ in EVERY if known == claim or known.startswith(f"{claim} ")}
    assert claimed, "the guide no longer names it"
    assert not is_there(claim), "it exists: take it off the list"


def test_something_that_does_not_exist_is_noticed() -> None:
    (claim, *_) = claims("chatterm chats launch ID")
    assert not is_there(claim)
    assert not all(map(is_there, claims("chatterm ask --nonsense hello")))
    assert not all(map(is_there, claims("chatterm ask -o warmth=3 hello")))
    assert not all(map(is_there, claims("engine.keep_alife")))
    if has_keys():
        assert not all(map(is_there, claims("Ctrl+Y")))
