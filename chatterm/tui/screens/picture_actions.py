"""Pictures that go with a message: taken by their paths, left out again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chatterm.attachments.content import Content
from chatterm.errors import ChattermError
from chatterm.tui.actions import BY_ID, keys_now, shown_keys
from chatterm.tui.screens.base import ChatBase
from chatterm.tui.widgets.chips import Chips
from chatterm.tui.widgets.composer import Composer


class PictureActions(ChatBase):
    """Mixed into the chat screen."""

    async def take_pictures(self, paths: Sequence[Path]) -> None:
        """Hold them for the next message, unless the model is known to be blind."""
        for path in paths:
            try:
                picture = self.pictures.add(path)
            except ChattermError as error:
                self.complain(error)
                continue
            if not await self.may_send([picture.content]):
                self.pictures.remove(picture)

    async def may_send(self, contents: Sequence[Content]) -> bool:
        """Whether the model can be shown this; the user is told where it cannot."""
        try:
            await self.talk.session.need_sight_for(contents)
        except ChattermError as error:
            key = shown_keys(keys_now(BY_ID["model"], self.desk.keymap), 1)
            hint = f"{key} chooses a model that can see" if key else error.hint
            self.complain(ChattermError(error.message, hint=hint))
            return False
        return True

    async def on_composer_dropped(self, event: Composer.Dropped) -> None:
        await self.take_pictures(event.paths)

    def on_chips_removed(self, event: Chips.Removed) -> None:
        self.pictures.pop(event.number)

    def action_detach(self) -> None:
        """Leave out the picture that was taken last."""
        if len(self.pictures):
            self.pictures.pop()
        else:
            self.whisper("no picture goes with this message")

    def pictures_changed(self) -> None:
        """Show what goes along, and keep it with the draft."""
        if self.is_mounted:
            self.query_one(Chips).say(tuple(self.pictures), "Backspace")
            self.draft_changed()
