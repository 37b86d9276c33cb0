"""The turns of a chat with their texts and rows: read and drawn when they are wanted, then kept.

Heights of turns that were not drawn are estimates, which learn from those that were.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from textual.scroll_view import ScrollView

from chatterm.tui.widgets.heights import Heights
from chatterm.tui.widgets.rendering import look_of
from chatterm.tui.widgets.turns import Body, Drawn, Look, Turn, estimate

Bodies: TypeAlias = Sequence[Body]
Loader: TypeAlias = Callable[[Sequence[str]], Bodies | Awaitable[Bodies]]

KEPT = 200
"""How many turns stay drawn."""
_BATCH = 12


class TurnRows(ScrollView):
    """What is shown, before there is a place on the screen for it."""

    def __init__(self, look: Look | None, widget_id: str | None) -> None:
        super().__init__(id=widget_id)
        self.look = look or look_of({})
        self._turns: list[Turn] = []
        self._load: Loader = lambda ids: [Body("") for _ in ids]
        self._bodies: OrderedDict[str, Body] = OrderedDict()
        self._asked: set[str] = set()
        self._drawn: OrderedDict[str, Drawn] = OrderedDict()
        self._unfolded: dict[str, set[str]] = {}
        self._heights = Heights()
        self._scale = 1.0
        self._width = 0

    @property
    def turns(self) -> Sequence[Turn]:
        return self._turns

    # What whoever extends this may change

    def draw_body(self, drawn: Drawn, number: int) -> None:
        """Draw the text of a turn."""
        drawn.draw_text()

    def is_open(self, turn_id: str) -> bool:
        """Whether the text of a turn still grows, so that it must be kept."""
        return False

    def texts_came(self) -> None:
        """Texts that were waited for are there."""

    # Texts and their rows

    def take_turns(self, turns: Sequence[Turn], load: Loader) -> None:
        """Other turns; nothing of those before is kept."""
        self._turns = list(turns)
        self._load = load
        self._bodies.clear()
        self._asked.clear()
        self._drawn.clear()
        self._estimate()

    def drawn(self, number: int) -> Drawn:
        """A turn's rows; its height is exact from now on."""
        turn = self._turns[number]
        found = self._drawn.get(turn.id)
        if found is None:
            body = self._body(number)
            found = self._new_drawn(turn, body or Body("…"))
            self.draw_body(found, number)
            found.draw_foot()
            if body is not None:
                self._learn(turn, len(found))
                self._drawn[turn.id] = found
                while len(self._drawn) > KEPT:
                    self._forget_oldest()
        else:
            self._drawn.move_to_end(turn.id)
        self._heights.set(number, len(found))
        return found

    def _new_drawn(self, turn: Turn, body: Body) -> Drawn:
        return Drawn(turn, body, max(self._width, 1), self.look, self._unfolded.get(turn.id, ()))

    def _forget_oldest(self) -> None:
        oldest = next(iter(self._drawn))
        if self.is_open(oldest):
            self._drawn.move_to_end(oldest)
        else:
            del self._drawn[oldest]

    def _learn(self, turn: Turn, height: int) -> None:
        """Let estimates follow what was seen."""
        guess = estimate(turn, self._width, 1.0) - 2
        if turn.size > 200 and guess > 0:
            self._scale += 0.05 * (min(3.0, max(0.3, (height - 2) / guess)) - self._scale)

    def _body(self, number: int) -> Body | None:
        turn = self._turns[number]
        found = self._bodies.get(turn.id)
        if found is not None:
            self._bodies.move_to_end(turn.id)
            return found
        first = max(0, number - _BATCH)
        wanted = [
            near.id
            for near in self._turns[first : number + _BATCH]
            if near.id not in self._bodies and near.id not in self._asked
        ]
        if wanted:
            self._ask(wanted)
        return self._bodies.get(turn.id)

    def _ask(self, ids: list[str]) -> None:
        answer = self._load(ids)
        if inspect.isawaitable(answer):
            self._asked.update(ids)
            self.run_worker(self._wait_for(ids, answer), group="bodies")
        else:
            self._keep_bodies(ids, answer)

    async def _wait_for(self, ids: list[str], bodies: Awaitable[Bodies]) -> None:
        self._keep_bodies(ids, await bodies)
        self._asked.difference_update(ids)
        self.texts_came()

    def _keep_bodies(self, ids: Sequence[str], bodies: Bodies) -> None:
        for id_, body in zip(ids, bodies, strict=True):
            self._bodies[id_] = body
        while len(self._bodies) > 2 * KEPT:
            oldest = next(iter(self._bodies))
            if self.is_open(oldest):
                self._bodies.move_to_end(oldest)
            else:
                del self._bodies[oldest]

    def _estimate(self) -> None:
        self._heights = Heights(
            len(self._drawn[turn.id])
            if turn.id in self._drawn
            else estimate(turn, self._width, self._scale)
            for turn in self._turns
        )

    def _forget(self) -> None:
        """Everything drawn is out of date."""
        self._drawn.clear()
        self._estimate()
