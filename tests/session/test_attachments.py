"""Attached files: kept beside the prompt, read by the model as part of it, in every later turn."""

from __future__ import annotations

import pytest

from chatterm.attachments.content import Content
from chatterm.echo import EchoBackend
from chatterm.errors import ModelError
from chatterm.messages import Request, State
from chatterm.session import ChatSession
from chatterm.store import Store
from tests.scripted import ScriptedBackend, drained, says

NOTE = Content("note.txt", "text/plain", b"inside")
PICTURE = Content("cat.png", "image/png", b"\x89PNG")


def asked(request: Request) -> list[str]:
    return [message.text for message in request.path]


async def test_every_later_turn_reads_the_file_and_the_store_keeps_what_was_typed(
    store: Store,
) -> None:
    backend = ScriptedBackend(says("one"), says("two"), says("three"))
    session = ChatSession(store, backend, model="scripted")
    await drained(session.send("read", [NOTE]))
    await drained(session.send("again"))
    whole = '<file name="note.txt">\ninside\n</file>\n\nread'
    assert asked(backend.requests[0]) == [whole]
    assert asked(backend.requests[1]) == [whole, "one", "again"]
    prompt = session.path()[0]
    assert (prompt.text, [file.name for file in prompt.attachments]) == ("read", ["note.txt"])
    await drained(session.edit(prompt.id, "read it"))
    assert asked(backend.requests[2]) == [whole + " it"]


async def test_a_prompt_may_be_nothing_but_a_file(store: Store) -> None:
    backend = ScriptedBackend(says("ok"))
    session = ChatSession(store, backend, model="scripted")
    await drained(session.send("", [NOTE]))
    assert asked(backend.requests[0]) == ['<file name="note.txt">\ninside\n</file>']
    assert session.chat_id is not None
    assert store.chat(session.chat_id).title == "note.txt"


async def test_a_picture_goes_along_as_bytes_or_is_refused(store: Store) -> None:
    backend = ScriptedBackend(says("a cat"))
    await drained(ChatSession(store, backend, model="scripted").send("what?", [PICTURE]))
    (request,) = backend.requests
    (picture,) = request.path[0].attachments
    assert request.images == {picture.digest: PICTURE.data}
    assert picture.name == PICTURE.name
    blind = ChatSession(store, EchoBackend({"echo": 0}), model="echo")
    with pytest.raises(ModelError, match=r"echo cannot see, and cat\.png is a picture"):
        await drained(blind.send("what?", [PICTURE]))
    assert [message.state for message in blind.path()] == [State.COMPLETE, State.FAILED]


async def test_a_preview_is_what_would_be_asked_and_keeps_nothing(store: Store) -> None:
    backend = ScriptedBackend(says("ok"))
    session = ChatSession(store, backend, model="scripted", system="Be brief.")
    preview = session.preview("read", [NOTE])
    assert session.chat_id is None
    await drained(session.send("read", [NOTE]))
    assert asked(preview) == asked(backend.requests[0])
    assert asked(session.preview("more"))[:2] == asked(preview)
