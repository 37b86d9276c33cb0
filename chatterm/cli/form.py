"""The form an answer was asked for in: a code block, the JSON of a schema, or any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chatterm.errors import OutputError
from chatterm.messages import State

if TYPE_CHECKING:
    from chatterm.cli.console import Console
    from chatterm.schemas import Schema
    from chatterm.session import ChatSession


@dataclass(frozen=True, slots=True)
class Form:
    """What is checked once the answer is complete; one that was stopped is not judged."""

    schema: Schema | None = None
    extract: bool = False

    def missed(self, session: ChatSession) -> OutputError | None:
        """Why the answer does not have this form."""
        text = _whole_answer(session)
        if text is None:
            return None
        if self.extract:
            block = _last_block(text)
            if block is None:
                return OutputError(
                    "the answer has no code block", hint="ask for one, or leave -x out"
                )
            text = block
        try:
            if self.schema is not None:
                self.schema.check(text)
        except OutputError as error:
            return error
        return None

    def judgement(self, session: ChatSession) -> dict[str, Any]:
        """The error as ``--json`` has it, if there is one."""
        error = self.missed(session)
        return {} if error is None else {"error": error.as_dict()}

    def show_block(self, session: ChatSession, console: Console) -> None:
        """Print the block that was asked for; without one, the answer where nothing reads it."""
        text = _whole_answer(session)
        if text is None:
            return
        block = _last_block(text)
        if block is None:
            console.aside(text.rstrip("\n") + "\n")
        else:
            console.write(block)


def _whole_answer(session: ChatSession) -> str | None:
    if session.answer_id is None:
        return None
    message = session.store.message(session.answer_id)
    return message.text if message.state is State.COMPLETE else None


def _last_block(text: str) -> str | None:
    from chatterm.render.codes import FENCED, code_blocks

    blocks = code_blocks(text, FENCED)
    return blocks[-1] if blocks else None
