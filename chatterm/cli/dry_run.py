"""``--dry-run``: the prompt as the model would read it, and how long it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatterm.cli.context import Context
    from chatterm.cli.question import Question
    from chatterm.messages import CountedPrompt
    from chatterm.session import ChatSession


async def dry_run(context: Context, session: ChatSession, asked: Question, as_json: bool) -> None:
    """Print the prompt; its length goes to stderr."""
    from chatterm.backend import count_prompt

    request = session.preview(asked.text, asked.contents)
    try:
        await session.need_sight(request)
        counted = await count_prompt(session.backend, request)
    finally:
        await session.backend.aclose()
    if as_json:
        context.console.json(
            {
                "model": session.model,
                "backend": session.backend.name,
                "prompt": counted.text,
                "tokens": counted.tokens,
                "context": counted.context,
                "left_out": counted.left_out,
                "params": session.params.as_dict(),
            }
        )
        return
    context.console.write(counted.text)
    context.console.end_line()
    context.console.note(_length(session, counted))


def _length(session: ChatSession, counted: CountedPrompt) -> str:
    if counted.tokens is None:
        return f"only {session.backend.name} itself can count the tokens of this prompt"
    said = f"{counted.tokens:,} tokens"
    if counted.context:
        said += f" of the {counted.context:,} that {session.model} can read"
    if counted.left_out:
        said += (
            f"; the whole chat has {counted.whole or counted.tokens:,}, so the first"
            f" {counted.left_out} messages do not fit and are left out"
        )
    return said
