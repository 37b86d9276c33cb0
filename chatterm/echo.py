"""The ``echo`` backend: answers with the prompt, at once or at a given pace.

It needs no model, so it serves demos, bug reports and tests of everything around a model.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping, Sequence

from chatterm.errors import ModelError
from chatterm.events import Done, Event, TextDelta
from chatterm.messages import CountedPrompt, ModelInfo, Request, Stop, Usage

_WORD = re.compile(r"\s*\S+|\s+")


class EchoBackend:
    """Repeats the message it is asked to answer, word by word; a word counts as a token."""

    name = "echo"

    def __init__(self, paces: Mapping[str, float]) -> None:
        """``paces`` maps each model's name to its words per second; 0 is as fast as it goes."""
        self._paces = dict(paces)

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        if request.model not in self._paces:
            raise ModelError(f"there is no echo model {request.model!r}")
        if request.must_call:
            raise ModelError(f"{request.model} cannot call tools", hint="choose a model that can")
        pace = self._paces[request.model]
        words, stop = _words_to_say(request)
        for number, word in enumerate(words):
            if pace and number:
                await asyncio.sleep(1 / pace)
            yield TextDelta(word)
        prompt_tokens = _tokens(request)
        yield Done(
            stop,
            Usage(
                prompt_tokens=prompt_tokens,
                evaluated_tokens=prompt_tokens,
                completion_tokens=len(words),
            ),
        )

    async def count(self, request: Request) -> CountedPrompt:
        text = "\n\n".join(message.text for message in request.path)
        return CountedPrompt(text, _tokens(request))

    async def models(self) -> Sequence[ModelInfo]:
        return [ModelInfo(name, self.name, "Repeats the prompt") for name in sorted(self._paces)]

    async def aclose(self) -> None:
        return


def _tokens(request: Request) -> int:
    return sum(len(_WORD.findall(message.text)) for message in request.path)


def _words_to_say(request: Request) -> tuple[list[str], Stop]:
    text = request.path[-1].text.removeprefix(request.prefill)
    stop = Stop.END
    cuts = [cut for word in request.params.stop if (cut := text.find(word)) >= 0]
    if cuts:
        text, stop = text[: min(cuts)], Stop.STOP
    words = _WORD.findall(text)
    limit = request.params.max_tokens
    if limit is not None and len(words) > limit:
        words, stop = words[:limit], Stop.LENGTH
    return words, stop
