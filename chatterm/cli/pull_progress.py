"""How a pull looks in a terminal: one line that changes, and a few that stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatterm.cli.sizes import bytes_text

if TYPE_CHECKING:
    from chatterm.cli.console import Console
    from chatterm.engine.pull.events import Advanced, PullEvent

_BAR = 24
_STEP = 10
"""Where no line can be replaced, a line is said at each so many percent."""


class PullScreen:
    """Draws the events of one pull on stderr."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._done = 0
        self._total = 0
        self._said_percent = 0

    def event(self, event: PullEvent) -> None:
        from chatterm.engine.pull.events import Advanced, Planned, Pulled, Said

        match event:
            case Said(text=text):
                self._console.note(text)
            case Planned(names=names, total=total, present=present):
                self._begin(names, total, present)
            case Advanced():
                self._done = event.done if event.stage == "fetch" else self._done
                self._advance(event)
            case Pulled(total=total, checked=checked):
                self._console.clear_status()
                how = "and its digest is right" if checked else "its server states no digest"
                self._console.note(f"{bytes_text(total)} are here, {how}")

    def stopped(self) -> None:
        """Say what a pull leaves that the user ends."""
        self._console.clear_status()
        kept = ""
        if self._total:
            kept = f"; {bytes_text(self._done) or '0 kB'} of {bytes_text(self._total)} are kept"
        self._console.note(f"stopped{kept}: run it again to go on")

    def _begin(self, names: tuple[str, ...], total: int, present: int) -> None:
        what = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more parts"
        if present == total:
            self._console.note(f"{what} is here already")
            return
        kept = f", {bytes_text(present)} of them are here already" if present else ""
        self._console.note(f"pulling {what}: {bytes_text(total)}{kept}")
        self._done, self._total = present, total
        self._said_percent = 100 * present // max(1, total)

    def _advance(self, now: Advanced) -> None:
        if self._console.shows_status:
            self._console.status(progress_line(now))
            return
        percent = 100 * now.done // max(1, now.total)
        if percent >= self._said_percent + _STEP:
            self._said_percent = percent - percent % _STEP
            self._console.note(progress_line(now, bar=0))


def progress_line(now: Advanced, *, bar: int = _BAR) -> str:
    """How far a pull is, in one line; the figures that matter most come first."""
    share = now.done / now.total if now.total else 1.0
    words = [f"{100 * share:3.0f} %"]
    if bar:
        filled = int(bar * share)
        words.insert(0, "[" + "#" * filled + "." * (bar - filled) + "]")
    if now.stage == "check":
        return "  ".join([*words, "checking the digest"])
    words.append(f"{bytes_text(now.done) or '0 kB'} of {bytes_text(now.total)}")
    if now.stage == "wait":
        return "  ".join([*words, "waiting for another chatterm"])
    if now.speed is not None:
        words.append(f"{bytes_text(int(now.speed)) or '0 kB'}/s")
    if now.seconds_left is not None:
        words.append(f"{duration_text(now.seconds_left)} left")
    return "  ".join(words)


def duration_text(seconds: float) -> str:
    """``40 s``, ``3 min 20 s`` or ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
