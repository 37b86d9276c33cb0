"""Pictures through the whole of the engine: seen, told apart, and never looked at twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chatterm.engine.client import EngineBackend
from chatterm.engine.hosts import stop
from chatterm.engine.projectors import projector_beside
from chatterm.errors import ModelError
from chatterm.events import Done
from chatterm.messages import Attachment, Message, Request, Role, Usage
from chatterm.params import Params
from tests.contract import suite
from tests.engines import Engine
from tests.ggufs import make_gguf, truncated
from tests.pictures import PICTURE_TOKENS, make_projector, png

Engines = Callable[..., Engine]
RED, BLUE = png((200, 10, 10)), png((10, 10, 200))
TALK = "What do you see in this picture, and what in the other?"


@pytest.fixture
async def backend(engine: Engines, tmp_path: Path) -> AsyncIterator[EngineBackend]:
    model = make_gguf(tmp_path / "sees.gguf")
    projector = make_projector(tmp_path / "mmproj.gguf")
    made = engine(model, isolated=False, projector=str(projector))
    yield made.backend()
    await stop(made.home, made.key)


def shown(*pictures: bytes, text: str = TALK) -> Request:
    files = tuple(
        Attachment(f"digest-{at}", f"{at}.png", "image/png", len(data))
        for at, data in enumerate(pictures)
    )
    message = Message("m", None, Role.USER, text, 0.0, attachments=files)
    params = Params(temperature=0.0, max_tokens=16)
    images = {file.digest: data for file, data in zip(files, pictures, strict=True)}
    return Request("tiny", (message,), "a", params, images=images)


async def said(backend: EngineBackend, request: Request) -> tuple[str, Usage]:
    events = await suite.collect(backend, request)
    done = events[-1]
    assert isinstance(done, Done)
    return suite.text_of(events), done.usage


async def test_what_is_shown_decides_what_is_said(backend: EngineBackend) -> None:
    red, _ = await said(backend, shown(RED))
    blue, _ = await said(backend, shown(BLUE))
    again, _ = await said(backend, shown(RED))
    assert red == again != blue


async def test_a_picture_counts_by_the_positions_it_takes(backend: EngineBackend) -> None:
    _, without = await said(backend, shown(text=f"\n{TALK}"))
    _, one = await said(backend, shown(RED))
    _, two = await said(backend, shown(RED, BLUE))
    assert one.prompt_tokens - without.prompt_tokens == PICTURE_TOKENS
    assert two.prompt_tokens - one.prompt_tokens == PICTURE_TOKENS


async def test_what_is_typed_is_never_taken_for_the_place_of_a_picture(
    backend: EngineBackend,
) -> None:
    typed = shown(RED)
    before = Message("l", None, Role.USER, "\ufdd17\ufdd1 and \ufdd10\ufdd1", 0.0)
    reply = Message("k", "l", Role.ASSISTANT, "Well.", 0.0)
    plain = replace(before, text="7 and 0")
    _, odd = await said(backend, replace(typed, path=(before, reply, *typed.path)))
    _, usual = await said(backend, replace(typed, path=(plain, reply, *typed.path)))
    assert odd.prompt_tokens == usual.prompt_tokens


async def test_the_next_turn_does_not_look_again(backend: EngineBackend) -> None:
    first = shown(RED)
    text, usage = await said(backend, first)
    answer = Message("n", "m", Role.ASSISTANT, text, 1.0)
    more = Message("o", "n", Role.USER, "And now?", 2.0)
    _, later = await said(backend, replace(first, path=(*first.path, answer, more)))
    assert later.cached_tokens >= usage.prompt_tokens


async def test_another_picture_is_never_taken_for_the_one_before(backend: EngineBackend) -> None:
    await said(backend, shown(RED))
    _, usage = await said(backend, shown(BLUE))
    assert usage.cached_tokens < usage.prompt_tokens - PICTURE_TOKENS


async def test_a_prompt_with_pictures_can_be_counted(backend: EngineBackend) -> None:
    _, usage = await said(backend, shown(RED, BLUE))
    counted = await backend.count(shown(RED, BLUE))
    assert counted.tokens == usage.prompt_tokens


@pytest.mark.parametrize("data", [b"RIFF0000WEBPVP8 ", RED[:40], b"\xff\xd8\xff rubbish"])
async def test_what_is_no_readable_picture_is_refused(backend: EngineBackend, data: bytes) -> None:
    with pytest.raises(ModelError, match="the picture cannot be read"):
        await said(backend, shown(data))
    await said(backend, shown(RED))


async def test_a_model_without_eyes_says_so(engine: Engines) -> None:
    one = engine(isolated=False)
    with pytest.raises(ModelError, match="cannot see"):
        await said(one.backend(), shown(RED))
    await stop(one.home, one.key)


async def test_broken_eyes_are_reported_and_words_still_work(
    engine: Engines, tmp_path: Path
) -> None:
    broken = truncated(make_projector(tmp_path / "whole.gguf"), tmp_path / "mmproj.gguf", -3000)
    one = engine(isolated=False, projector=str(broken))
    with pytest.raises(ModelError, match="could not be loaded as the eyes"):
        await said(one.backend(), shown(RED))
    await said(one.backend(), shown())
    await stop(one.home, one.key)


def test_the_projector_beside_a_model_is_found_if_it_fits(tmp_path: Path) -> None:
    model = make_gguf(tmp_path / "sees.gguf")
    assert projector_beside(model) == ""
    make_projector(tmp_path / "mmproj-other.gguf", width=128)
    assert projector_beside(model) == ""
    fitting = make_projector(tmp_path / "sees-mmproj-f16.gguf")
    assert projector_beside(model) == str(fitting)
