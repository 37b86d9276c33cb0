"""Takes secrets out of what the user sends, before it is stored or leaves the machine.

The setting ``store.redact`` names groups of patterns known here, or is a regular expression of the
user's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatterm.errors import ConfigError

_KEYS = (
    r"\b(?:sk|rk|pk)[-_](?:live|test|proj|ant|or|svcacct)?[-_]?[\w-]{16,}",
    r"\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}",
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}",
    r"\bxox[abeoprs]-[\w-]{10,}",
    r"\bhf_\w{20,}|\bnpm_\w{30,}|\bpypi-[\w-]{40,}|\bSG\.[\w-]{16,}\.[\w-]{16,}",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
)
_TOKENS = (
    r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?",
    r"(?i)(?<=\bbearer )[\w.~+/-]{16,}=*",
)
_PASSWORDS = (
    r"(?i)(?<=[\w\"'])(?:(?<=password)|(?<=passwd)|(?<=secret)|(?<=api_key)|(?<=apikey)|(?<=token))"
    r"[\"']?\s*[:=]\s*[\"']?[^\s\"',;]{4,}",
    r"(?<=://)[^\s/:@]+:[^\s/@]+(?=@)",
)
_MAILS = (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",)

GROUPS = {"keys": _KEYS, "tokens": _TOKENS, "passwords": _PASSWORDS, "mails": _MAILS}
"""What a name in the setting stands for."""

SECRETS = tuple(pattern.replace("(?i)", "") for pattern in (*_KEYS, *_TOKENS))
"""Patterns of keys and tokens, to be joined with others."""


class Redactor:
    """The user's patterns, ready to be used."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self._patterns = [
            (name if name in GROUPS else "", pattern)
            for name in wanted
            for pattern in _compiled(name)
        ]

    def __call__(self, text: str) -> tuple[str, int]:
        """The text without what matches, and how often something did."""
        count = 0
        for name, pattern in self._patterns:
            text, found = pattern.subn(f"[redacted {name}".rstrip() + "]", text)
            count += found
        return text, count


def _compiled(name: str) -> list[re.Pattern[str]]:
    try:
        return [re.compile(pattern) for pattern in GROUPS.get(name, (name,))]
    except re.error as error:
        raise ConfigError(
            f"store.redact: {name!r} is no regular expression: {error}",
            hint=f"write one, or the name of a group: {', '.join(GROUPS)}",
        ) from error
