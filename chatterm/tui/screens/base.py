"""What the chat screen's groups of actions know of it."""

from __future__ import annotations

from textual.screen import Screen

from chatterm.errors import ChattermError
from chatterm.messages import Message
from chatterm.store import ChangeKind, Chat
from chatterm.tui.carrying import Carrying
from chatterm.tui.desk import Desk
from chatterm.tui.enduring import Enduring, complain
from chatterm.tui.pictures import Pictures
from chatterm.tui.pulls import Pulls
from chatterm.tui.searching import Searcher
from chatterm.tui.servers import Servers
from chatterm.tui.standing import Standing
from chatterm.tui.talk import Talk
from chatterm.tui.talks import Talks
from chatterm.tui.widgets.composer import Composer
from chatterm.tui.widgets.reading import Reading


class ChatBase(Enduring, Screen[None]):
    """The screen as its actions see it; :class:`ChatScreen` fills it with life."""

    desk: Desk
    talks: Talks
    searcher: Searcher
    talk: Talk
    standing: Standing
    pulls: Pulls
    servers: Servers
    carrying: Carrying
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

    def go_to(self, chat_id: str, message_id: str | None = None, query: str = "") -> None:
        """Open a chat, perhaps at a message."""
        raise NotImplementedError

    def branch_places(self) -> dict[str, tuple[int, int]]:
        """Place and number of branches, of the messages that have more than one."""
        raise NotImplementedError

    def carry_branch(self) -> None:
        """Tell the chat's server which branch is shown."""
        raise NotImplementedError

    def carry_undone(self, kind: ChangeKind) -> None:
        """Take a change back on the chat's server as well."""
        raise NotImplementedError

    def carry_state(self, chat: Chat) -> None:
        """Do to a chat on its server what was done to it in the list."""
        raise NotImplementedError

    def log_in_to(self, server: str) -> None:
        """Log in to a remote, in the terminal."""
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

    def take_back_waiting(self) -> None:
        """What waits to be sent is in the composer again."""
        raise NotImplementedError

    def written(self) -> str:
        """What is in the composer, with what goes along, as a draft."""
        return self.pictures.draft(self.composer.text)

    def put_draft(self, draft: str) -> None:
        """Let the composer have this, and what it says goes along."""
        self.composer.put(self.pictures.restore(draft))

    def warm(self, *, is_wanted: bool = False) -> None:
        """Have the model loaded before it is asked."""
        raise NotImplementedError

    def show_status(self) -> None:
        raise NotImplementedError

    def whisper(self, text: str, *, warning: bool = False) -> None:
        """Say something in the status line for a few seconds."""
        raise NotImplementedError

    def complain(self, error: ChattermError) -> None:
        """A failure that is not part of the conversation."""
        complain(self.app, error)

    def copy(self, text: str) -> None:
        """Put it into the clipboard, and say so."""
        raise NotImplementedError
