"""Numbers of a model as a person reads them; zero is unknown and empty."""

from __future__ import annotations


def bytes_text(size: int) -> str:
    """``2.5 GB``, in units of a thousand as file managers count."""
    if not size:
        return ""
    if size < 999_500:
        return f"{size / 1e3:.0f} kB"
    if size < 999_500_000:
        return f"{size / 1e6:.0f} MB"
    return f"{size / 1e9:.1f} GB"


def count_text(parameters: int) -> str:
    """``4.0B`` or ``135M``, as models are called."""
    if not parameters:
        return ""
    if parameters < 999_500:
        return f"{parameters / 1e3:.0f}k"
    if parameters < 999_500_000:
        return f"{parameters / 1e6:.0f}M"
    return f"{parameters / 1e9:.1f}B"


def tokens_text(tokens: int) -> str:
    """``128k``, in units of 1024 as contexts are made."""
    if not tokens:
        return ""
    return str(tokens) if tokens < 1024 else f"{tokens / 1024:.0f}k"
