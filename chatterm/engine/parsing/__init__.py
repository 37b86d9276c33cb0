"""A model's output, taken apart while it comes: text, reasoning and tool calls.

Everything here is fed piece by piece, gives the same for every way of cutting a text into pieces,
and holds back no more than what may still turn out to be part of a marker.
"""

from chatterm.engine.parsing.answer import AnswerParser
from chatterm.engine.parsing.formats import RAW, AnswerFormat, Parsed, Start, detect_format
from chatterm.engine.parsing.text import StopStrings, TextDecoder

__all__ = [
    "RAW",
    "AnswerFormat",
    "AnswerParser",
    "Parsed",
    "Start",
    "StopStrings",
    "TextDecoder",
    "detect_format",
]
