"""Short ways to grow a chat in a test."""

from __future__ import annotations

from chatterm.messages import Message, Role, State
from chatterm.params import Params
from chatterm.store import Store


def say(store: Store, chat_id: str, text: str, parent: Message | None = None) -> Message:
    """A prompt below a message; without one it begins the chat."""
    parent_id = parent.id if parent else None
    return store.add(chat_id, parent_id=parent_id, role=Role.USER, text=text)


def begin(store: Store, chat_id: str, parent: Message, model: str = "echo") -> Message:
    return store.start_answer(
        chat_id, parent_id=parent.id, model=model, backend="echo", params=Params()
    )


def end(store: Store, answer: Message, text: str, state: State = State.COMPLETE) -> Message:
    return store.finish(answer.id, state=state, text=text, reasoning="")


def answer(store: Store, chat_id: str, parent: Message, text: str, model: str = "echo") -> Message:
    return end(store, begin(store, chat_id, parent, model), text)


def conversation(store: Store, *texts: str, title: str = "") -> tuple[str, list[Message]]:
    """A chat in which prompts and answers take turns."""
    chat_id = store.create_chat(title=title).id
    messages: list[Message] = []
    for position, text in enumerate(texts):
        if position % 2 == 0:
            messages.append(say(store, chat_id, text, messages[-1] if messages else None))
        else:
            messages.append(answer(store, chat_id, messages[-1], text))
    return chat_id, messages


def texts(messages: list[Message]) -> list[str]:
    return [message.text for message in messages]
