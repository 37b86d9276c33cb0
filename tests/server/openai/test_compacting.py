"""Compaction: what was said becomes a summary that its client keeps and sends back."""

from __future__ import annotations

import asyncio
import base64
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.types.responses import CompactedResponse, ResponseCompactionItem

from tests.server.serving import add_user, serving
from tests.server.world import world
from tests.servers.openai import OpenAIServer, chunk, event, scripted

BEFORE = "What was said before in this chat, summed up:\n\n"
FACTS = "They spoke of whales."
TALK: Any = [
    {"role": "user", "content": "Tell me of the sea"},
    {"role": "assistant", "content": "It is deep"},
    {"role": "user", "content": "And whales?"},
    {"role": "assistant", "content": "They sing"},
]
NEXT: Any = {"role": "user", "content": "Which ones?"}


def kept(compacted: CompactedResponse) -> Any:
    """The items as a client sends them back."""
    return [item.to_dict(warnings=False) for item in compacted.output]


def summary_of(compacted: CompactedResponse) -> str:
    last = compacted.output[-1]
    assert isinstance(last, ResponseCompactionItem)
    return base64.urlsafe_b64decode(last.encrypted_content.partition(":")[2]).decode()


def sealed(data: bytes) -> str:
    return "chatterm-1:" + base64.urlsafe_b64encode(data).decode()


def texts(compacted: CompactedResponse) -> list[tuple[str, str]]:
    """The roles and texts of what stayed."""
    messages: list[Any] = kept(compacted)[:-1]
    return [(item["role"], item["content"][0]["text"]) for item in messages]


# -- what a model reads, as a server behind ours sees it ------------------------------------------


@asynccontextmanager
async def parrot(
    home: Path, pause: float = 0.0
) -> AsyncIterator[tuple[OpenAIServer, openai.AsyncOpenAI]]:
    """A model on another machine, whose every request can be looked at, and a client of ours."""
    async with OpenAIServer(pause=pause) as far:
        home.mkdir(exist_ok=True)
        file = home / "config" / "models.toml"
        file.parent.mkdir(exist_ok=True)
        url = f"http://127.0.0.1:{far.port}/v1"
        file.write_text(f'[remotes.far]\nkind = "openai"\nurl = "{url}"\n')
        with serving(models=("far/parrot",)) as served:
            ours = f"{served.url}/v1"
            async with openai.AsyncOpenAI(base_url=ours, api_key="any", max_retries=0) as client:
                yield far, client


def says(text: str) -> Any:
    usage = {"prompt_tokens": 30, "completion_tokens": 5}
    end = event({"id": "c", "choices": [], "usage": usage})
    return scripted(chunk({"content": text}), chunk({}, "stop"), end, b"data: [DONE]\n\n")


def read(far: OpenAIServer) -> list[tuple[str, str]]:
    return [(one["role"], one["content"]) for one in far.asked[-1]["messages"]]


async def test_the_summary_is_read_in_the_place_of_what_it_stands_for(home: Path) -> None:
    async with parrot(home) as (far, client):
        far.next.append(says(f"\n{FACTS}\n"))
        compacted = await client.responses.compact(
            model="far/parrot", input=TALK, instructions="Be brief."
        )
        *chat, (role, asked) = read(far)
        assert chat == [
            ("system", "Be brief."),
            *((one["role"], one["content"]) for one in TALK),
        ]
        assert role == "user" and asked.startswith("Sum up everything above")
        assert compacted.object == "response.compaction"
        assert texts(compacted) == [("user", "Tell me of the sea"), ("user", "And whales?")]
        assert summary_of(compacted) == FACTS
        assert (compacted.usage.input_tokens, compacted.usage.output_tokens) == (30, 5)
        assert compacted.usage.total_tokens == 35

        made = await client.responses.create(model="far/parrot", input=[*kept(compacted), NEXT])
        assert made.output_text == NEXT["content"]
        assert read(far) == [("system", BEFORE + FACTS), ("user", "Which ones?")]
        more = await client.responses.create(
            model="far/parrot", input="More", previous_response_id=made.id, instructions="Rhyme."
        )
        assert read(far)[0] == ("system", f"Rhyme.\n\n{BEFORE}{FACTS}")
        assert read(far)[1:] == [
            ("user", "Which ones?"),
            ("assistant", "Which ones?"),
            ("user", "More"),
        ]

        far.next.append(says("All of it."))
        again = await client.responses.compact(model="far/parrot", previous_response_id=more.id)
        assert FACTS in read(far)[0][1], "a summary is made of the one before"
        assert texts(again)[2:] == [("user", "Which ones?"), ("user", "More")]
        assert [item.type for item in again.output].count("compaction") == 1
        await client.responses.create(model="far/parrot", input=[*kept(again), NEXT])
        assert read(far) == [("system", BEFORE + "All of it."), ("user", "Which ones?")]


async def test_rules_stay_and_the_rest_may_be_dropped(home: Path) -> None:
    async with parrot(home) as (far, client):
        far.next.append(says(FACTS))
        rule: Any = {"role": "developer", "content": "Never rhyme."}
        compacted = await client.responses.compact(model="far/parrot", input=[rule, *TALK])
        assert texts(compacted)[0] == ("developer", "Never rhyme.")
        await client.responses.create(model="far/parrot", input=[*kept(compacted), NEXT])
        whole = read(far)
        assert whole == [
            ("system", f"Never rhyme.\n\n{BEFORE}{FACTS}"),
            ("user", "Which ones?"),
        ]
        bare = [kept(compacted)[0], kept(compacted)[-1], NEXT]
        await client.responses.create(model="far/parrot", input=bare)
        assert read(far) == whole


async def test_a_conversation_can_hold_one(home: Path) -> None:
    async with parrot(home) as (far, client):
        far.next.append(says(FACTS))
        compacted = await client.responses.compact(model="far/parrot", input=TALK)
        talk = await client.conversations.create(items=kept(compacted))
        await client.responses.create(model="far/parrot", input=[NEXT], conversation=talk.id)
        assert read(far) == [("system", BEFORE + FACTS), ("user", "Which ones?")]
        items = await client.conversations.items.list(talk.id, order="asc")
        assert items.data[2].type == "compaction"


async def test_a_client_that_leaves_ends_it(home: Path) -> None:
    async with parrot(home, pause=0.2) as (far, client):
        asking = asyncio.create_task(client.responses.compact(model="far/parrot", input=TALK))
        async with asyncio.timeout(10):
            while not far.asked:
                await asyncio.sleep(0.01)
            asking.cancel()
            await asyncio.wait([asking])
            await far.idle.wait()
        assert far.closed_by_client == 1


async def test_nothing_comes_of_an_empty_summary(home: Path) -> None:
    async with parrot(home) as (far, client):
        far.next.append(says(" "))
        with pytest.raises(openai.BadRequestError, match="wrote no summary"):
            await client.responses.compact(model="far/parrot", input=TALK)


# -- a model of this machine ----------------------------------------------------------------------


def counted(client: openai.OpenAI, given: Any, **more: Any) -> int:
    return client.responses.input_tokens.count(model="tiny", input=given, **more).input_tokens


def test_a_model_of_this_machine_writes_it(client: openai.OpenAI) -> None:
    made = client.responses.create(model="tiny", input=TALK, max_output_tokens=12)
    compacted = client.responses.compact(model="tiny", previous_response_id=made.id)
    assert compacted.usage.input_tokens > counted(client, TALK)
    assert compacted.usage.output_tokens > 0
    read = counted(client, [*kept(compacted), NEXT])
    assert read == counted(client, [NEXT], instructions=BEFORE + summary_of(compacted))
    # The client's types know no user's message in an output: it warns, and sends it as it is.
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        as_it_is: Any = [*compacted.output, NEXT]
        made = client.responses.create(model="tiny", input=as_it_is, max_output_tokens=12)
    assert made.output_text
    asked = client.responses.input_items.list(made.id, order="asc").data
    assert [item.type for item in asked] == ["message", "message", "compaction", "message"]


def test_what_is_longer_than_the_context_is_summed_up_in_steps(client: openai.OpenAI) -> None:
    turn: Any = [
        {"role": "user", "content": "word " * 60},
        {"role": "assistant", "content": "yes " * 60},
    ]
    with pytest.raises(openai.BadRequestError, match="context"):
        client.responses.create(model="tiny", input=[*turn * 16, NEXT])
    compacted = client.responses.compact(model="tiny", input=turn * 16)
    assert compacted.usage.input_tokens > 2048
    assert len(compacted.output) == 17
    assert client.responses.create(
        model="tiny", input=[*kept(compacted), NEXT], max_output_tokens=4
    ).output_text


def test_what_is_counted_is_limited(tmp_path: Path) -> None:
    with world(tmp_path, tokens_per_day=50) as served:
        url = f"{served.url}/v1"
        with openai.OpenAI(base_url=url, api_key="any", max_retries=0) as client:
            client.responses.compact(model="tiny", input=TALK)
            with pytest.raises(openai.RateLimitError, match="tokens of today"):
                client.responses.compact(model="tiny", input=TALK)


# -- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["echo", "slow", "guide"])
def test_a_model_that_cannot_be_told_is_refused(client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.BadRequestError, match="choose a model that follows") as refused:
        client.responses.compact(model=model, input=TALK)
    assert refused.value.param == "model"


def test_nothing_cannot_be_summed_up(client: openai.OpenAI) -> None:
    rule: Any = [{"role": "system", "content": "Be brief."}]
    nothing: list[Any] = [None, [], rule]
    for given in nothing:
        with pytest.raises(openai.BadRequestError, match="nothing to compact"):
            client.responses.compact(model="tiny", input=given)
    with pytest.raises(openai.NotFoundError):
        client.responses.compact(model="nobody", input=TALK)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "gAAAAABo",
        "chatterm-1:",
        "chatterm-1:%%%",
        "chatterm-1:YQ",
        "chatterm-2:YQ==",
        sealed(b" \n"),
        sealed(b"\xff\xfe"),
        "chatterm-1:\u00e9\u00e9\u00e9\u00e9",
    ],
)
def test_what_was_not_written_here_is_refused(client: openai.OpenAI, content: str) -> None:
    item: Any = {"type": "compaction", "encrypted_content": content}
    with pytest.raises(openai.BadRequestError, match="no compaction") as refused:
        client.responses.create(model="echo", input=[*TALK, item, NEXT])
    assert refused.value.param == "input.4.encrypted_content"
    with pytest.raises(openai.BadRequestError, match="no compaction"):
        client.conversations.create(items=[item])


def test_a_compaction_alone_is_no_question(client: openai.OpenAI) -> None:
    item: Any = {"type": "compaction", "encrypted_content": sealed(FACTS.encode())}
    with pytest.raises(openai.BadRequestError, match="add a message"):
        client.responses.create(model="echo", input=[*TALK, item])
    assert counted(client, [*TALK, item]) < counted(client, TALK)


@pytest.fixture
def ann_and_bob() -> Iterator[tuple[openai.OpenAI, openai.OpenAI]]:
    keys = [add_user(name) for name in ("ann", "bob")]
    with serving() as served:
        url = f"{served.url}/v1"
        ann, bob = (openai.OpenAI(base_url=url, api_key=key, max_retries=0) for key in keys)
        with ann, bob:
            yield ann, bob


def test_what_another_said_is_not_there(
    ann_and_bob: tuple[openai.OpenAI, openai.OpenAI],
) -> None:
    ann, bob = ann_and_bob
    made = ann.responses.create(model="echo", input="a secret")
    with pytest.raises(openai.BadRequestError) as refused:
        bob.responses.compact(model="echo", previous_response_id=made.id)
    assert refused.value.code == "previous_response_not_found"
    nobody = httpx.post(f"{bob.base_url}responses/compact", json={"model": "echo"})
    assert nobody.status_code == 401
