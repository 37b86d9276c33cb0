"""A chat line by line: messages, and the commands that begin with ``/``.

What is said only ever grows at the end, so it fits a screen reader and stays to scroll back. Who
reads the lines is somebody else's: a plain prompt, or the composer below what was said.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from chatterm.cli.dates import local
from chatterm.cli.opening import open_session
from chatterm.errors import ChattermError, ConfigError
from chatterm.hints import nearest
from chatterm.messages import Message, Role, State
from chatterm.params import Params, parse_options
from chatterm.templates import looks_like_command

if TYPE_CHECKING:
    from chatterm.cli.context import Context
    from chatterm.cli.foreground import Foreground
    from chatterm.cli.printers import TextPrinter
    from chatterm.events import Event
    from chatterm.session import ChatSession
    from chatterm.store import Chat
    from chatterm.templates import Template

COMMANDS: Mapping[str, str] = {
    "help": "Show these commands",
    "new-chat": "Begin a new chat",
    "chats": "List the latest chats",
    "chat": "Go on in another chat: /chat ID",
    "search": "Search everything: /search words",
    "model": "Choose the model: /model NAME",
    "regenerate": "Answer the last prompt again",
    "continue": "Go on where the answer ended",
    "edit": "Ask the last prompt in other words: /edit words",
    "summarise": "Sum up older messages, to make room",
    "fork": "Go on in a copy of this chat",
    "undo": "Undo the last change",
    "title": "Rename this chat: /title New name",
    "tag": "Tag this chat: /tag work",
    "system": "Begin a new chat with a system prompt: /system You are …",
    "set": "Set a parameter: /set temperature 0.7",
    "editor": "Write the message in your editor",
    "quit": "Leave",
}
_LISTED = 15


class LineChat:
    """The chat that is being talked in; commands may change which one that is."""

    def __init__(
        self,
        context: Context,
        session: ChatSession,
        foreground: Foreground,
        printer: Callable[[], TextPrinter],
        ask: Callable[[str], str | None] | None = None,
    ) -> None:
        """``ask`` fills in a place of a template; without it the composer is to."""
        self.session = session
        self.draft: str | None = None
        """What the next message is to begin with."""
        self._context = context
        self._console = context.console
        self._foreground = foreground
        self._printer = printer
        self._ask = ask

    def take(self, line: str) -> bool:
        """Send a message or do what a command says; False when the user has had enough."""
        name, _, words = line.strip()[1:].partition(" ")
        try:
            if line.lstrip().startswith("/") and name == "quit":
                return False
            if line.lstrip().startswith("/") and name in COMMANDS and "\n" not in line.strip():
                self._do(name, words.strip())
            elif line.lstrip().startswith("/") and name in self._templates():
                self.use(self._context.templates().get(name), words)
            elif looks_like_command(line):
                known = [*COMMANDS, *self._templates()]
                with self._given_back(line):
                    raise ConfigError(
                        f"there is no command /{name}", hint=nearest(name, known, otherwise="/help")
                    )
            else:
                self.send(line)
        except ChattermError as error:
            self._console.error(error)
        return True

    def commands(self) -> dict[str, str]:
        """Every command with what it does."""
        templates, _ = self._context.templates().readable()
        kept = {
            one.name: one.summary or " ".join((one.prompt or one.system).split())
            for one in templates
        }
        return {**kept, **COMMANDS}

    def send(self, text: str) -> None:
        """Send a message with the files that it names."""
        from chatterm.attachments.mentions import contents_of

        with self._given_back(text):
            contents = contents_of(text, Path.cwd()) if "@" in text else ()
            self._foreground.run(self.session.need_sight_for(contents))
            events = self.session.send(text, contents)
        self._context.remember_chat(self.session.store, self.session.chat_id)
        self._show(events)

    @contextmanager
    def _given_back(self, text: str) -> Iterator[None]:
        """What could not be done stands in an empty composer again; a plain prompt has Up."""
        try:
            yield
        except ChattermError:
            if self._ask is None and not self.session.store.draft(self.session.chat_id):
                self.draft = text
            raise

    def begin_with(self, template: Template, values: Mapping[str, str]) -> None:
        """The chat opens with a template."""
        try:
            self.use(template, "", values)
        except ChattermError as error:
            self._console.error(error)

    def use(self, template: Template, words: str, values: Mapping[str, str] | None = None) -> None:
        """Set what a template sets, and send its prompt once every place is filled in."""
        from chatterm.templates import begin, place_after, values_in

        typed, words = values_in(template, words)
        filled_in = {**(values or {}), **typed}
        if self._ask is not None and not self._fill(template, filled_in):
            return
        filled = begin(template, filled_in, words)
        if self._ask is not None and place_after(filled.prompt, 0) is not None:
            words = self._ask("input") or ""
            filled = begin(template, filled_in, words)
        self._set(template, filled.system)
        if filled.prompt and place_after(filled.prompt, 0) is None and (words or self._ask):
            self.send(filled.prompt)
        elif filled.prompt:
            self.draft = filled.prompt

    def aclose(self) -> None:
        self._foreground.run(self.session.backend.aclose())

    def _templates(self) -> list[str]:
        return self._context.templates().names()

    def _fill(self, template: Template, values: dict[str, str]) -> bool:
        """Ask for what a template needs; False where the user thinks better of it."""
        assert self._ask is not None
        for name in template.required:
            if name not in values:
                said = self._ask(name)
                if said is None:
                    return False
                values[name] = said
        return True

    def _set(self, template: Template, system: str) -> None:
        params = template.params.over(self.session.params)
        model = template.model or self.session.model
        if system and self.session.chat_id is None:
            self._open(None, model=model, system=system, params=params)
        else:
            if system:
                self._console.note("the chat keeps its own system prompt, not the template's")
            if model != self.session.model:
                self._use_model(model)
            self.session.params = params
        if not template.prompt:
            self._console.note(f"{template.name} counts from now on")

    def _show(self, events: AsyncGenerator[Event, None]) -> None:
        from chatterm.cli.answering import show
        from chatterm.events import Notice

        printer = self._printer()
        was_cut = False

        async def seen() -> AsyncGenerator[Event, None]:
            nonlocal was_cut
            async with aclosing(events):
                async for event in events:
                    is_cut = isinstance(event, Notice) and event.kind == "context"
                    was_cut = was_cut or is_cut
                    yield event

        self._foreground.run(show(self.session, seen(), printer))
        if was_cut:
            self._console.note("/summarise puts a summary in their place, /undo takes this back")

    # Commands

    def _do(self, name: str, words: str) -> None:
        alone: dict[str, Callable[[], None]] = {
            "help": self._help,
            "new-chat": self._new_chat,
            "chats": self._list_chats,
            "regenerate": lambda: self._show(self.session.regenerate(self._last().id)),
            "continue": lambda: self._show(self.session.continue_(self._last().id)),
            "summarise": self._summarise,
            "fork": self._fork,
            "undo": self._undo,
            "editor": self._write_in_editor,
        }
        with_words: dict[str, Callable[[str], None]] = {
            "chat": self._go_to,
            "search": self._search,
            "model": self._use_model,
            "edit": self._edit,
            "title": self._rename,
            "tag": lambda tag: self.session.store.tag(self._chat_id(), tag),
            "system": self._new_with_system,
            "set": self._set_parameter,
        }
        if name in alone:
            alone[name]()
        elif words:
            with self._given_back(f"/{name} {words}"):
                with_words[name](words)
        elif name == "model":
            self._console.note(f"{self.session.model} answers; /model NAME chooses another")
        else:
            raise ConfigError(f"/{name} needs words", hint=COMMANDS[name])

    def _help(self) -> None:
        commands = self.commands()
        width = max(map(len, commands))
        for command in sorted(commands):
            self._console.line(f"/{command:<{width}}  {commands[command]}")
        self._console.line("@ names a file to send along.")

    def _new_chat(self) -> None:
        self._open(None, model=self.session.model, params=self.session.params)

    def _new_with_system(self, words: str) -> None:
        session = self.session
        self._open(None, model=session.model, system=words, params=session.params)

    def _fork(self) -> None:
        copy = self.session.fork(self._last().id)
        self._open(copy, model=self.session.model, params=self.session.params)

    def _summarise(self) -> None:
        self._show(self.session.summarise())
        summary = self.session.path()[-1]
        if summary.state is State.COMPLETE:
            self._console.note(
                f"this stands for the first {summary.summarises} messages from now on;"
                " /undo takes it back"
            )

    def _edit(self, words: str) -> None:
        self._show(self.session.edit(self._last(Role.USER).id, words))

    def _rename(self, words: str) -> None:
        self.session.store.rename(self._chat_id(), " ".join(words.split()), by_user=True)

    def _set_parameter(self, words: str) -> None:
        key, _, value = words.partition(" ")
        pair = words if "=" in key else f"{key}={value.strip()}"
        self.session.params = parse_options([pair]).over(self.session.params)

    def _list_chats(self) -> None:
        for chat in self.session.store.chats(limit=_LISTED):
            self._console.line(f"{chat.id}  {local(chat.updated_at)}  {chat.title or 'untitled'}")

    def _search(self, words: str) -> None:
        hits = self.session.store.search(words, limit=_LISTED)
        for hit in hits:
            self._console.line(f"{hit.chat_id}  {local(hit.created_at)}  {hit.chat_title}")
            self._console.line(f"  {hit.role}: {hit.snippet}")
        self._console.note("/chat ID goes on there" if hits else "nothing found")

    def _go_to(self, ref: str) -> None:
        """Go on in another chat, after showing where it stands."""
        chat = self.session.store.find_chat(ref)
        self._open(chat, model=None)
        for message in self.session.path()[-2:]:
            self._console.line(f"{message.role}: {message.text.strip()}")

    def _use_model(self, name: str) -> None:
        known = self.session
        chat = known.store.chat(known.chat_id) if known.chat_id else None
        self._open(chat, model=name, params=known.params, is_new=False)
        self._console.note(f"{self.session.model} answers from now on")

    def _undo(self) -> None:
        from chatterm.session import UNDONE

        change = self.session.undo()
        self._console.note(UNDONE[change.kind] if change else "there is nothing to undo")

    def _write_in_editor(self) -> None:
        """The message as it stands in the editor is the next one."""
        from chatterm.editor import editor_of, private_file, run_editor, text_of
        from chatterm.keyboard import keys_as_usual
        from chatterm.render.sanitise import sanitise

        store = self.session.store
        with private_file(store.draft(self.session.chat_id)) as file:
            with keys_as_usual():
                run_editor(editor_of(self._context.env), file)
            text = sanitise(text_of(file))
        store.set_draft(self.session.chat_id, "")
        if text.strip() and self._ask is not None:
            self.send(text)
        else:
            self.draft = text

    def _open(
        self,
        chat: Chat | None,
        *,
        model: str | None,
        system: str | None = None,
        params: Params | None = None,
        is_new: bool = True,
    ) -> None:
        """Another chat, or the same with another model."""
        session = open_session(
            self._context,
            self.session.store,
            chat,
            model=model,
            system=system,
            params=params or self._context.config().params,
        )
        self.aclose()
        if is_new:
            self._console.note(f"in {chat.title or 'untitled'}" if chat else "a new chat")
        self.session = session

    def _chat_id(self) -> str:
        if self.session.chat_id is None:
            raise ConfigError("this chat has no messages yet", hint="send a prompt first")
        return self.session.chat_id

    def _last(self, role: Role | None = None) -> Message:
        for message in reversed(self.session.path()):
            if role is None or message.role is role:
                return message
        raise ConfigError("this chat has no messages yet", hint="send a prompt first")
