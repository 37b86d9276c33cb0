"""Templates and presets in a chat: inserted, filled in, kept, changed."""

from __future__ import annotations

from dataclasses import replace

from chatterm.errors import ChattermError
from chatterm.templates import Template, begin, place_after, values_in
from chatterm.tui.kept import TemplateShelf
from chatterm.tui.screens.asking import Asking
from chatterm.tui.screens.model_actions import ModelActions
from chatterm.tui.screens.picker import Picked, Picker
from chatterm.tui.widgets.rows import Row

_CHANGE = "ctrl+e"
_REMOVE = "ctrl+x"


class TemplateActions(ModelActions):
    """Mixed into the chat screen."""

    shelf: TemplateShelf

    def action_templates(self) -> None:
        """Choose one, or change the list."""

        async def chosen(picked: Picked | None) -> None:
            if picked is None:
                return
            try:
                if picked.by == _REMOVE:
                    self._remove(picked.key)
                elif picked.by == _CHANGE:
                    await self._change(picked.key)
                else:
                    self.use_template(picked.key, "")
            except ChattermError as error:
                self.complain(error)

        self.shelf.forget()
        for problem in self.shelf.problems:
            self.complain(problem)
        self.app.push_screen(
            Picker(
                "Templates and presets",
                self.shelf.rows,
                placeholder="Name of a template",
                keys={_CHANGE: "changes", _REMOVE: "removes"},
                note=self.shelf.note,
                wide=True,
            ),
            chosen,
        )

    def _remove(self, name: str) -> None:
        """For good, so it is asked first."""
        self.shelf.store.get_file(name)

        def chosen(picked: Picked | None) -> None:
            if picked is None or picked.key == "keep":
                return
            try:
                self.shelf.store.remove(name)
            except ChattermError as error:
                self.complain(error)
            else:
                self.shelf.forget()
                self.whisper(f"the template {name} is removed")

        rows = [Row("keep", "Keep it"), Row("remove", "Remove it for good")]
        self.app.push_screen(Picker(f"The template {name}", lambda _: rows), chosen)

    async def _change(self, name: str) -> None:
        """In the user's editor; of a shipped one a file is made first."""
        from chatterm.tui.editor import edited_file

        store = self.shelf.store
        file = store.file(name)
        if not file.exists():
            store.write(store.get(name))
        await edited_file(self.app, self.desk, file)
        self.shelf.forget()
        store.get(name)

    def action_keep_template(self) -> None:
        """Keep what is written, or else the message under the cursor, to be used again."""
        message = self.reading.current
        text = self.composer.text or (message.text if message is not None else "")
        if not text.strip():
            self.whisper("write the prompt that is to be kept, then keep it")
            return

        def named(name: str | None) -> None:
            if name is not None and name.strip():
                self._keep(Template(name.strip(), prompt=text))

        hint = "Enter keeps it as /NAME; {{word}} in it is a place to fill in"
        self.app.push_screen(Asking("Name of the template", "", hint), named)

    def _keep(self, template: Template) -> None:
        try:
            self.shelf.store.write(template)
        except ChattermError as error:
            self.complain(error)
            return
        self.shelf.forget()
        self.whisper(f"kept: /{template.name} inserts it")

    def use_template(self, name: str, words: str) -> None:
        """Set what it sets; insert its prompt, or send it where the words make it whole."""
        template = self.shelf.store.get(name)
        values, words = values_in(template, words)
        filled = begin(template, values, words)
        self._set(template, filled.system)
        if not filled.prompt:
            return
        if words and place_after(filled.prompt, 0) is None:
            self.composer.submit(filled.prompt)
        else:
            written = self.composer.text
            self.composer.put("\n\n".join(part for part in (written, filled.prompt) if part))
            self.composer.fill_in(len(written))
            self.composer.focus()

    def _set(self, template: Template, system: str) -> None:
        """Model and parameters count from now on, a system prompt only in a new chat."""
        session = self.talk.session
        params = template.params.over(session.params)
        if template.schema:
            from chatterm.schemas import parse_schema

            params = replace(params, schema=parse_schema(template.schema).text)
        if system and self.talk.chat_id is None:
            model = template.model or session.model
            self.show_talk(self.talks.new(model, params, system))
        elif template.model and template.model != session.model:
            self.use_model(template.model)
        if params != self.talk.session.params:
            self.use_params(params)
        if system and self.talk.chat_id is not None:
            self.whisper("this chat keeps its own system prompt; a new chat can have that one")
        elif not template.prompt:
            self.whisper(f"{template.name} counts from now on")
