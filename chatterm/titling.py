"""Better titles for chats: the model that answered is asked, when nobody waits for it.

Whoever shows a chat decides when that is and may cancel it at any moment. Only a model of this
machine is asked, so that a title costs nothing and tells nobody anything.
"""

from __future__ import annotations

from contextlib import aclosing

from chatterm.backend import Backend
from chatterm.errors import ChattermError
from chatterm.events import TextDelta
from chatterm.messages import Message, Request, Role, State
from chatterm.params import Params
from chatterm.store import Store
from chatterm.summaries import can_be_told
from chatterm.titles import cleaned_title, first_words, request_for_title

_PARAMS = Params(temperature=0.0, max_tokens=32, reasoning=False)


class Titler:
    """Gives titles to chats of one store, each at most once as long as it lives."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tried: set[str] = set()

    def wants(self, backend: Backend, model: str, chat_id: str | None) -> bool:
        """Whether there is a chat that should get a better title, and a model to ask for it."""
        if chat_id is None or chat_id in self._tried:
            return False
        if backend.name != "engine" or not can_be_told(backend.name, model):
            return False
        return self._beginning(chat_id) is not None

    async def title(self, backend: Backend, model: str, chat_id: str | None) -> str:
        """Ask for a title and give it to the chat; empty where none is wanted or none came."""
        if chat_id is None or not self.wants(backend, model, chat_id):
            return ""
        beginning = self._beginning(chat_id)
        assert beginning is not None
        try:
            said = await _said(backend, model, request_for_title(*beginning))
        except ChattermError:
            # Nobody asked for this, so nobody is told; the first words are a title too.
            said = ""
        self._tried.add(chat_id)
        title = cleaned_title(said)
        # The user may have been quicker.
        if title and self._beginning(chat_id) is not None:
            self._store.rename(chat_id, title, by_user=False)
            return title
        return ""

    def _beginning(self, chat_id: str) -> tuple[str, str] | None:
        """The first prompt and its answer, where the title is still made of the prompt's words."""
        chat = self._store.chat(chat_id)
        if chat.title_by_user or chat.deleted_at is not None:
            return None
        path = self._store.path(chat_id)
        prompt = next((one for one in path if one.role is Role.USER), None)
        answer = next((one for one in path if _is_answer(one)), None)
        if prompt is None or answer is None or chat.title != first_words(prompt.text):
            return None
        return prompt.text, answer.text


async def _said(backend: Backend, model: str, text: str) -> str:
    request = Request(
        model=model, path=(Message("", None, Role.USER, text, 0.0),), answer_id="", params=_PARAMS
    )
    said: list[str] = []
    async with aclosing(backend.stream(request)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                said.append(event.text)
    return "".join(said)


def _is_answer(message: Message) -> bool:
    finished = message.role is Role.ASSISTANT and message.state is State.COMPLETE
    return finished and bool(message.text.strip())
