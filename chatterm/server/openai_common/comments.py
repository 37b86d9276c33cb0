"""What a stream tells beside its data, in comments that clients skip and people read."""

from __future__ import annotations

from chatterm.events import Event, Notice, Progress, Queued
from chatterm.server.openai_common.sse import comment


def comment_of(event: Event) -> str:
    """The comment for an event that is no part of the answer; empty for any other."""
    match event:
        case Queued(position=position, size=size):
            return comment(f"waiting: {position} before this, {size} in all")
        case Progress(stage=stage, done=done, total=total):
            return comment(f"{stage}: {done} of {total}")
        case Notice(kind=kind, text=text):
            return comment(f"{kind}: {text}")
        case _:
            return ""
