"""Secrets are taken out, and words are left alone."""

from __future__ import annotations

import pytest

from chatterm.errors import ConfigError
from chatterm.redaction import Redactor

SECRETS = [
    ("keys", "sk-proj-" + "Ab1_" * 8),
    ("keys", "sk-ant-api03-" + "x-y" * 10),
    ("keys", "ghp_" + "a1" * 18),
    ("keys", "github_pat_" + "a1" * 18),
    ("keys", "AKIA" + "ABCD1234" * 2),
    ("keys", "AIza" + "b" * 35),
    ("keys", "xoxb-123456789012-abcdef"),
    ("keys", "hf_" + "Q" * 34),
    ("keys", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"),
    ("keys", "-----BEGIN PRIVATE KEY-----\nMIIE cut off"),
    ("tokens", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"),
    ("mails", "anna.b+c@mail.example.org"),
]


@pytest.mark.parametrize(("group", "secret"), SECRETS)
def test_known_secrets_are_replaced(group: str, secret: str) -> None:
    text, count = Redactor([group])(f"before {secret}\nafter {secret}.")
    stand_in = f"[redacted {group}]"
    assert count == text.count(stand_in) >= 1
    assert text.startswith(f"before {stand_in}")
    assert secret not in text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Authorization: Bearer abcdefghijklmnop1234", "Authorization: Bearer [redacted tokens]"),
        ("password = hunter22", "password[redacted passwords]"),
        ('{"api_key": "abcd1234"}', '{"api_key[redacted passwords]"}'),
        ("https://me:geheim@host/x", "https://[redacted passwords]@host/x"),
    ],
)
def test_what_stands_around_a_secret_stays(text: str, left: str) -> None:
    assert Redactor(["tokens", "passwords"])(text) == (left, 1)


@pytest.mark.parametrize(
    "text",
    [
        "The task-force asked for a risk-based approach, and skates.",
        "A password is needed. My token of thanks: none.",
        "ask-me-anything, desk-lamp, eyJ, hf_model, AKIA",
        "git@github.com is a remote" * 0 + "see http://host:8080/a",
    ],
)
def test_words_are_left_alone(text: str) -> None:
    assert Redactor(["keys", "tokens", "passwords"])(text) == (text, 0)


def test_own_patterns_count_too() -> None:
    redactor = Redactor([r"EMP-\d+", "keys"])
    assert redactor("EMP-12 and EMP-3") == ("[redacted] and [redacted]", 2)


def test_without_patterns_nothing_happens() -> None:
    assert Redactor([])("sk-proj-" + "a" * 30)[1] == 0


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="no regular expression") as error:
        Redactor(["(unclosed"])
    assert "keys, tokens" in error.value.hint
