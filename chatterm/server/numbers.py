"""Numbers of a model as every dialect writes them: vectors cut short, likelihoods of tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

_LOWEST = -9999.0
"""In place of the logarithm of what cannot come: JSON has no infinity, and OpenAI writes this."""


def finite(logprob: float) -> float:
    """A logarithm that JSON has."""
    return max(logprob, _LOWEST)


def token_json(token: str, logprob: float) -> dict[str, Any]:
    """A token that was written, or might have been."""
    return {"token": token, "logprob": finite(logprob), "bytes": list(token.encode())}


def shortened(vector: Sequence[float], dimensions: int) -> list[float]:
    """The first dimensions, of length one again; models that are made for it lose little."""
    if dimensions >= len(vector):
        return list(vector)
    short = vector[:dimensions]
    length = math.sqrt(sum(value * value for value in short)) or 1.0
    return [value / length for value in short]
