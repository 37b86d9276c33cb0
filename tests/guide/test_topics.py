"""The guide names nothing that the program does not have."""

from __future__ import annotations

from tests.guide.named import claims, codes, has_keys, is_there

EVERY = sorted({(claim, topic) for topic, code in codes() for claim in claims(code)})


def test_every_command_option_key_and_setting_that_the_guide_names_exists() -> None:
    missing = [f"{topic}: {claim}" for claim, topic in EVERY if not is_there(claim)]
    assert not missing, "change scripts/guide/topics.toml and train the guide anew (make guide)"


def test_something_that_does_not_exist_is_noticed() -> None:
    (claim, *_) = claims("chatterm chats launch ID")
    assert not is_there(claim)
    assert not all(map(is_there, claims("chatterm ask --nonsense hello")))
    assert not all(map(is_there, claims("chatterm ask -o warmth=3 hello")))
    assert not all(map(is_there, claims("engine.keep_alife")))
    if has_keys():
        assert not all(map(is_there, claims("Ctrl+Y")))
