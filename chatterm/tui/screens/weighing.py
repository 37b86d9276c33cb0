"""What the model makes of a message before it is sent: it is loaded for it, and counts it.

Nothing is left out of a chat before its user was told what: a message that would be the first to
cost others their place is held back once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from textual.timer import Timer

from chatterm.attachments.content import Content
from chatterm.backend import count_prompt
from chatterm.errors import ChattermError, ModelError
from chatterm.events import Progress
from chatterm.params import Params
from chatterm.tui.screens.base import ChatBase
from chatterm.tui.talk import HELD_SECONDS, Talk

COUNT_SECONDS = 0.5
WARM_SECONDS = 60.0
"""After that the engine may have gone, so who types has it looked for again."""


class Weighing(ChatBase):
    """Mixed into the chat screen."""

    _count_timer: Timer | None = None

    def __init__(self) -> None:
        super().__init__()
        self._warmed: dict[tuple[str, int | None], float] = {}

    def warm(self, *, is_wanted: bool = False) -> None:
        """Load a model of this machine while its first prompt is written, or when it is chosen."""
        session = self.talk.session
        key = (session.model, session.params.context)
        now = self.desk.monotonic()
        is_due = now - self._warmed.get(key, -WARM_SECONDS) >= WARM_SECONDS
        if is_due and (is_wanted or self.composer.text):
            self._warmed[key] = now
            self.run_worker(self._loaded(session.model, session.params), group="warm")

    def model_told(self) -> None:
        """It is known now what the model can take, so it may have to count."""
        self.show_status()
        if self.children and self.composer.text:
            self.count_soon()

    async def _loaded(self, model: str, params: Params) -> None:
        def told(progress: Progress | None) -> None:
            self.standing.loading(model, progress)
            self.show_status()

        await self.desk.warm(model, params, told)
        self.standing.ask_again(model)
        self.show_status()

    def count_soon(self) -> None:
        """Near the end of the context the model itself counts, once the user pauses."""
        if self._count_timer is not None:
            self._count_timer.stop()
            self._count_timer = None
        if self.editing is None and not self.talk.busy and self.standing.is_near(self.talk):
            self._count_timer = self.set_timer(
                COUNT_SECONDS, lambda: self.run_worker(self._count(), exclusive=True, group="count")
            )

    async def _count(self) -> None:
        await self._weigh(self.composer.text, [picture.content for picture in self.pictures])

    async def _weigh(self, text: str, contents: Sequence[Content]) -> int:
        """How many messages would be left out; it is shown, if it still is what is written."""
        talk = self.talk
        files = [content for content in contents if not content.is_image]
        try:
            count = await count_prompt(talk.session.backend, talk.session.preview(text, files))
        except ModelError as error:
            if self._is_written(talk, text):
                self.standing.refused(error)
                self.show_status()
            return 0
        except ChattermError:
            return 0
        if self._is_written(talk, text):
            self.standing.counted(talk, count)
            talk.told = count.left_out
            self.show_status()
        return count.left_out

    def _is_written(self, talk: Talk, text: str) -> bool:
        return talk is self.talk and text == self.composer.text and not talk.busy

    async def holds_back(self, text: str, contents: Sequence[Content]) -> bool:
        """Whether a message is not sent yet, as it would cut what nobody was told of."""
        talk, told = self.talk, self.talk.told
        if talk.busy or not self.standing.is_near(talk, text):
            return False
        try:
            async with asyncio.timeout(HELD_SECONDS):
                left_out = await self._weigh(text, contents)
        except TimeoutError:
            return False
        if not left_out or told == left_out:
            return False
        self._say_held()
        return True

    def _say_held(self) -> None:
        key = self.standing.key("send")
        self.whisper(f"not sent yet, as it does not fit; {key} sends it", warning=True)

    async def holds_back_next(self, talk: Talk) -> bool:
        """The same of what waits; it is in the composer then."""
        if talk is not self.talk or not talk.queue:
            return False
        prompt = talk.queue[0]
        is_held = await self.holds_back(prompt.text, prompt.contents)
        if is_held and talk is self.talk:
            self.take_back_waiting()
        return is_held and not talk.queue

    def take_back_held(self) -> None:
        """What was held back while another chat was shown."""
        if self.talk.queue and not self.talk.goes_on:
            self.take_back_waiting()
            self._say_held()
