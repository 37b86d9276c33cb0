"""Lines of the composer that begin with ``/``: actions, a few commands with words, templates."""

from __future__ import annotations

from chatterm.errors import ChattermError, ConfigError
from chatterm.hints import nearest
from chatterm.params import parse_options
from chatterm.templates import looks_like_command
from chatterm.tui.commands import WITH_WORDS, action_of, command_rows, parsed
from chatterm.tui.screens.chat_actions import ChatActions
from chatterm.tui.screens.template_actions import TemplateActions
from chatterm.tui.widgets.chatlist import ChatList
from chatterm.tui.widgets.composer import Composer
from chatterm.tui.widgets.rows import Row


class CommandLine(ChatActions, TemplateActions):
    """Mixed into the chat screen."""

    def command_rows(self, query: str) -> list[Row]:
        """What may be meant by a ``/`` and these letters."""
        if not query:
            self.shelf.forget()
        return command_rows(query, self.shelf.templates)

    async def run_command_line(self, text: str) -> bool:
        """Do what a line that begins with a known ``/`` command says; False for a message."""
        command = parsed(text, self.shelf.templates)
        if command is None and not looks_like_command(text):
            return False
        if command is None:
            self._refuse(text.strip()[1:])
            return True
        self.composer.wipe()
        self.save_draft()
        if not await self._do(*command) and not self.composer.text:
            # It is there to be put right.
            self.composer.put(text)
        return True

    async def on_composer_commanded(self, event: Composer.Commanded) -> None:
        """What is being written stays."""
        command = parsed(f"/{event.line}", self.shelf.templates)
        if command is None:
            self._refuse(event.line)
        else:
            await self._do(*command)

    def _refuse(self, name: str) -> None:
        known = [row.key[1:] for row in command_rows("", self.shelf.templates)]
        hint = nearest(name, known, otherwise="/help shows what there is")
        self.complain(ConfigError(f"there is no command /{name}", hint=hint))

    async def _do(self, name: str, words: str) -> bool:
        """Whether it could be done; the user is told where not."""
        action = action_of(name)
        try:
            if action is not None and not words:
                await self.run_action(action.run)
                return True
            return self._run_with_words(name, words)
        except ChattermError as error:
            self.complain(error)
            return False

    def _run_with_words(self, name: str, words: str) -> bool:
        match name:
            case "title" if words and self.talk.chat_id is not None:
                self.rename_to(self.talk.chat_id, words)
            case "tag" if words and self.talk.chat_id is not None:
                self.desk.store.tag(self.talk.chat_id, words)
                self.refresh_path()
                self.query_one(ChatList).reload()
                self.whisper(f"tagged {words}")
            case "log-in" if words:
                self.log_in_to(words)
            case "model" if words:
                self.use_model(words)
            case "search":
                self.action_search(words)
            case "system" if words:
                self._new_with_system(words)
            case "set" if words:
                key, _, value = words.partition(" ")
                pair = words if "=" in key else f"{key}={value.strip()}"
                self.use_params(parse_options([pair]).over(self.talk.session.params))
            case _ if action_of(name) is not None:
                self.whisper(f"/{name} takes no words", warning=True)
                return False
            case _ if name in WITH_WORDS:
                self.whisper(f"/{name} needs words, or a chat that has begun", warning=True)
                return False
            case _:
                self.use_template(name, words)
        return True

    def _new_with_system(self, words: str) -> None:
        session = self.talk.session
        self.show_talk(self.talks.new(session.model, session.params, words))
        self.whisper("a new chat with that system prompt")
