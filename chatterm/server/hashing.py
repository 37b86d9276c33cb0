"""What is kept of secrets: a slow hash of passwords, a quick one of keys and tokens."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$bm9ib2R5bm9ib2R5bm9ibw$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
"""A hash that no password has."""


def digest(text: str) -> str:
    """Of a random text: enough to find it by, and nothing to steal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def hash_password(password: str) -> str:
    """Slow on purpose."""
    return _hasher().hash(password)


def password_matches(hashed: str, password: str) -> bool:
    """Slow on purpose, and as slow for a name that nobody has; to be called in a thread."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _hasher() -> PasswordHasher:
    """RFC 9106's second choice, 64 MiB. What it costs for nobody has to cost the same."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4)
