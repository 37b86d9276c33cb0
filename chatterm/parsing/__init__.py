"""A model's output, taken apart while it comes: text, reasoning and tool calls.

Everything here is fed piece by piece, gives the same for every way of cutting a text into pieces,
and holds back no more than what may still turn out to be part of a marker.
"""

from chatterm.parsing.answer import AnswerParser
from chatterm.parsing.formats import (
    RAW,
    AnswerFormat,
    Parsed,
    Start,
    Tags,
    detect_format,
)
from chatterm.parsing.text import StopStrings, TextDecoder

__all__ = [
    "RAW",
    "AnswerFormat",
    "AnswerParser",
    "Parsed",
    "Start",
    "StopStrings",
    "Tags",
    "TextDecoder",
    "detect_format",
]
