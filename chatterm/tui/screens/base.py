"""What the chat screen's groups of actions know of it."""

from __future__ import annotations

from textual.screen import Screen

from chatterm.errors import ChattermError
from chatterm.messages import Message
from chatterm.tui.desk import Desk
from chatterm.tui.pictures import Pictures
from chatterm.tui.pulls import Pulls
from chatterm.tui.searching import Searcher
from chatterm.tui.standing import Standing
from chatterm.tui.talk import Talk
from chatterm.tui.talks import Talks
from chatterm.tui.widgets.composer import Composer
from chatterm.tui.widgets.reading import Reading


class ChatBase(Screen[None]):
    """The screen as its actions see it; :class:`ChatScreen` fills it with life."""

    desk: Desk
    talks: Talks
    searcher: Searcher
    talk: Talk
    standing: Standing
    pulls: Pulls
    editing: Message | None
    """The message that the composer holds for editing."""
    aside: str
    """What was in the composer before that."""
    pictures: Pictures
    """What goes with the next message."""

    @property
    def composer(self) -> Composer:
        return self.query_one(Composer)

    @property
    def reading(self) -> Reading:
        return self.query_one(Reading)

    def show_talk(self, talk: Talk, *, message_id: str | None = None, query: str = "") -> None:
        """Show a chat, at its end or at a message of it."""
        raise NotImplementedError

    def refresh_path(self) -> None:
        """Something was changed by the user: show the path as it is now."""
        raise NotImplementedError

    def draft_changed(self) -> None:
        """What is written is to be kept soon."""
        raise NotImplementedError

    def save_draft(self) -> None:
        """Keep what is written and not sent."""
        raise NotImplementedError

    def written(self) -> str:
        """What is in the composer, with what goes along, as a draft."""
        return self.pictures.draft(self.composer.text)

    def put_draft(self, draft: str) -> None:
        """Let the composer have this, and what it says goes along."""
        self.composer.put(self.pictures.restore(draft))

    def show_status(self) -> None:
        raise NotImplementedError

    def whisper(self, text: str, *, warning: bool = False) -> None:
        """Say something in the status line for a few seconds."""
        raise NotImplementedError

    def complain(self, error: ChattermError) -> None:
        """A failure that is not part of the conversation."""
        raise NotImplementedError

    def copy(self, text: str) -> None:
        """Put it into the clipboard, and say so."""
        raise NotImplementedError
