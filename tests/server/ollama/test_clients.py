"""The unmodified client from PyPI, over a real server on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
from functools import reduce
from typing import Any

import httpx
import ollama
import pytest

from tests.pictures import png
from tests.server.asking import post
from tests.server.serving import Served

PICTURE = base64.b64encode(png((255, 0, 0))).decode()
DEEP: dict[str, Any] = reduce(
    lambda inner, _: {"type": "object", "properties": {"a": inner}}, range(300), {}
)
TOO_DEEP = {"type": "function", "function": {"name": "f", "parameters": DEEP}}
ASKED = [{"role": "user", "content": "x"}]


def test_the_client_finds_out_what_there_is(client: ollama.Client, served: Served) -> None:
    models = {str(model.model): model for model in client.list().models}
    assert {"guide:latest", "echo:latest", "tiny:latest", "vectors:latest"} <= models.keys()
    tiny = models["tiny:latest"]
    assert tiny.size and tiny.digest and len(tiny.digest) == 64 and tiny.modified_at
    assert tiny.details is not None and tiny.details.family == "llama"
    assert httpx.get(f"{served.url}/").text == "Ollama is running"
    assert httpx.head(f"{served.url}/").status_code == 200
    assert httpx.head(f"{served.url}/api/tags").status_code == 200
    assert "version" in httpx.get(f"{served.url}/api/version").json()


def test_a_model_shows_what_its_file_says(client: ollama.Client) -> None:
    shown = client.show("tiny")
    assert shown.modelinfo is not None
    assert shown.modelinfo["general.architecture"] == "llama"
    assert shown.modelinfo["llama.context_length"] == 2048
    assert shown.capabilities == ["completion"]
    assert "im_start" in (shown.template or "")
    assert client.show("vectors:latest").capabilities == ["embedding"]
    assert "insert" in (client.show("gaps").capabilities or [])
    assert "vision" in (client.show("sees").capabilities or [])
    assert client.show("echo").modelinfo == {}
    assert (client.show("echo").parameters or "") == ""
    usual, own = ((client.show(name).parameters or "").split() for name in ("tiny", "gaps"))
    assert usual[:4] == ["temperature", "0.8", "top_k", "40"]
    assert own[:4] == ["temperature", "0.5", "top_k", "40"]


def test_verbose_shows_the_long_lists(served: Served) -> None:
    short, long = (
        httpx.post(f"{served.url}/api/show", json={"model": "tiny", "verbose": verbose}).json()
        for verbose in (False, True)
    )
    assert short["model_info"]["tokenizer.ggml.tokens"] is None
    assert len(long["model_info"]["tokenizer.ggml.tokens"]) == 768


def test_chat_whole_and_in_pieces_is_the_same_text(client: ollama.Client) -> None:
    said: dict[str, Any] = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "hello"}],
        "options": {"temperature": 0, "num_predict": 12},
    }
    whole = client.chat(**said)
    pieces = list(client.chat(**said, stream=True))
    assert whole.message.content == "".join(piece.message.content or "" for piece in pieces)
    assert whole.message.role == "assistant" and whole.message.content
    assert [piece.done for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    last = pieces[-1]
    assert last.done_reason == whole.done_reason == "length"
    assert last.eval_count == whole.eval_count == 12
    assert last.prompt_eval_count and last.total_duration and last.eval_duration


async def test_the_asynchronous_client_streams_too(aclient: ollama.AsyncClient) -> None:
    messages = [{"role": "user", "content": "some words to say again"}]
    stream = await aclient.chat("echo", messages, stream=True)
    text = "".join([piece.message.content or "" async for piece in stream])
    whole = await aclient.chat("echo", messages)
    assert text == whole.message.content == "some words to say again"
    assert (await aclient.generate("echo", "again")).response == "again"
    assert (await aclient.list()).models
    assert (await aclient.show("echo")).capabilities == ["completion"]
    await aclient.ps()


def test_options_reach_the_model(client: ollama.Client) -> None:
    def ask(**options: Any) -> str:
        options = {"num_predict": 16, **options}
        return client.generate("tiny", "hello", options=options).response or ""

    assert ask(temperature=1.5, seed=1) == ask(temperature=1.5, seed=1)
    assert ask(temperature=1.5, seed=1) != ask(temperature=1.5, seed=2)
    whole = ask(temperature=0)
    word = whole.split()[1]
    stopped = client.generate("tiny", "hello", options={"temperature": 0, "stop": [word]})
    assert word not in (stopped.response or "") and stopped.done_reason == "stop"
    # Some mean nothing here, and some of them mean "as you like".
    ask(num_ctx=4096, num_gpu=1, num_thread=2, seed=-1, nothing_known=True)


def test_an_old_system_prompt_and_a_conversation_are_told(client: ollama.Client) -> None:
    with_system = client.generate("tiny", "hello", system="x " * 50, options={"num_predict": 1})
    alone = client.generate("tiny", "hello", options={"num_predict": 1})
    assert (with_system.prompt_eval_count or 0) > (alone.prompt_eval_count or 0) + 40


def test_a_begun_answer_is_continued(client: ollama.Client) -> None:
    hello = {"role": "user", "content": "hello"}
    options = {"temperature": 0, "num_predict": 12}
    whole = client.chat("tiny", [hello], options=options).message.content or ""
    begun = {"role": "assistant", "content": whole}
    more = client.chat("tiny", [hello, begun], options=options)
    assert more.message.content and whole not in more.message.content
    assert (more.prompt_eval_count or 0) > 12
    said = client.chat("echo", [hello, {"role": "assistant", "content": "hel"}])
    assert said.message.content == "lo"


def test_an_answer_is_held_to_a_schema_or_to_json(client: ollama.Client) -> None:
    schema = {
        "type": "object",
        "properties": {"age": {"type": "integer"}, "name": {"enum": ["ada", "bob"]}},
        "required": ["age", "name"],
    }
    options = {"num_predict": 200, "seed": 3}
    said = client.chat("tiny", [{"role": "user", "content": "x"}], format=schema, options=options)
    found = json.loads(said.message.content or "")
    assert isinstance(found["age"], int) and found["name"] in ("ada", "bob")
    text = client.generate("tiny", "x", format="json", options={"num_predict": 5}).response or ""
    assert text.lstrip().startswith("{")


def test_thoughts_come_beside_the_answer(client: ollama.Client) -> None:
    messages = [{"role": "user", "content": "hello"}]
    options = {"num_predict": 10}
    whole = client.chat("thinks", messages, think=True, options=options)
    assert whole.message.thinking and not whole.message.content
    pieces = list(client.generate("thinks", "hello", think="low", stream=True, options=options))
    assert "".join(piece.thinking or "" for piece in pieces)


def test_a_tool_is_called_and_its_result_is_read(client: ollama.Client) -> None:
    def look(at: str) -> str:
        """Look at something.

        Args:
            at: where
        """
        return at

    # The model may write nothing but a call or {}, and likes the sign that calls begin with.
    nothing = {"type": "object", "properties": {}, "additionalProperties": False}
    tool = {
        "type": "function",
        "function": {
            "name": "look",
            "parameters": {
                "type": "object",
                "properties": {"at": {"enum": ["sea", "sky"]}},
                "required": ["at"],
            },
        },
    }
    messages: list[Any] = [{"role": "user", "content": "hello"}]
    options = {"temperature": 0, "num_predict": 200}
    said = client.chat("calls", messages, tools=[tool], format=nothing, options=options)
    assert said.message.tool_calls
    (call,) = said.message.tool_calls
    assert call.function.name == "look" and call.function.arguments["at"] in ("sea", "sky")
    assert said.done_reason == "stop"
    messages += [said.message, {"role": "tool", "tool_name": "look", "content": "blue"}]
    assert client.chat("calls", messages, tools=[look], options={"num_predict": 3}).done


def test_a_picture_is_seen_where_the_model_has_eyes(client: ollama.Client) -> None:
    picture = png((255, 0, 0))
    message = {"role": "user", "content": "what is it", "images": [picture]}
    said = client.chat("sees", [message], options={"num_predict": 3})
    blind = client.chat("sees", [message | {"images": []}], options={"num_predict": 3})
    assert (said.prompt_eval_count or 0) > (blind.prompt_eval_count or 0)
    with pytest.raises(ollama.ResponseError, match="cannot see"):
        client.generate("tiny", "what is it", images=[picture])


def test_likelihoods_are_told(client: ollama.Client) -> None:
    said = client.chat(
        "tiny",
        [{"role": "user", "content": "x"}],
        logprobs=True,
        top_logprobs=2,
        options={"num_predict": 4},
    )
    assert said.logprobs is not None and len(said.logprobs) == 4
    assert said.logprobs[0].logprob <= 0 and len(said.logprobs[0].top_logprobs or []) == 2


def test_a_raw_prompt_and_a_gap(client: ollama.Client) -> None:
    options = {"num_predict": 4, "temperature": 0}
    chat = client.generate("tiny", "hello", options=options)
    raw = client.generate("tiny", "hello", raw=True, options=options)
    assert (raw.prompt_eval_count or 99) < (chat.prompt_eval_count or 0)
    assert client.generate("gaps", "def f():", suffix="return 1", options=options).response
    with pytest.raises(ollama.ResponseError):
        client.generate("tiny", "def f():", suffix="return 1", options=options)


def test_texts_become_vectors(client: ollama.Client) -> None:
    found = client.embed("vectors", ["one text", "another"])
    assert len(found.embeddings) == 2 and found.prompt_eval_count
    (one,) = client.embed("vectors", "one text").embeddings
    assert one == pytest.approx(found.embeddings[0], abs=1e-4)
    (short,) = client.embed("vectors", "one text", dimensions=8).embeddings
    assert len(short) == 8 and sum(value * value for value in short) == pytest.approx(1)
    assert client.embeddings("vectors", "one text").embedding == pytest.approx(one, abs=1e-4)
    with pytest.raises(ollama.ResponseError) as refusal:
        client.embed("tiny", "one text")
    assert refusal.value.status_code == 400


def test_a_model_is_loaded_kept_and_let_go(client: ollama.Client) -> None:
    def left() -> dict[str, float]:
        now = client.ps().models
        return {str(one.model): one.expires_at.timestamp() for one in now if one.expires_at}

    loaded = client.generate("calls", keep_alive=-1)
    assert loaded.done and loaded.done_reason == "load"
    for_ever = left()["calls:latest"]
    client.chat("calls", [], keep_alive="90m")
    assert left()["calls:latest"] < for_ever
    messages = [{"role": "user", "content": "x"}]
    options = {"num_predict": 1}
    client.chat("calls", messages, keep_alive=-1, options=options)
    assert left()["calls:latest"] == pytest.approx(for_ever, abs=600)
    (one,) = [one for one in client.ps().models if one.model == "calls:latest"]
    assert one.size and one.context_length
    assert one.size_vram == 0, "the tests' engines have the processor only"
    assert client.chat("calls", [], keep_alive=0).done_reason == "unload"
    for _ in range(100):
        if "calls:latest" not in left():
            break
    assert "calls:latest" not in left()


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"model": "nobody", "messages": [{"role": "user", "content": "x"}]}, 404, "not found"),
        ({"messages": []}, 400, "model is required"),
        ({"model": "echo", "messages": [{"role": "wizard", "content": "x"}]}, 400, "role"),
        ({"model": "echo", "messages": "x"}, 400, "messages"),
        ({"model": "echo", "messages": [], "keep_alive": "soon"}, 400, "keep_alive"),
        ({"model": "echo", "messages": [{"role": "user"}], "format": "xml"}, 400, "format"),
        (
            {"model": "echo", "messages": [{"role": "user"}], "options": {"temperature": "hot"}},
            400,
            "temperature",
        ),
        ({"model": "echo", "messages": [{"role": "user", "content": "\ud800"}]}, 400, "half"),
        (
            {"model": "echo", "messages": [{"role": "user", "images": ["not base64!"]}]},
            400,
            "base64",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_the_words_of_the_dialect(
    served: Served, body: Any, status: int, word: str
) -> None:
    reply = httpx.post(f"{served.url}/api/chat", content=json.dumps(body))
    assert reply.status_code == status
    assert list(reply.json()) == ["error"] and word in reply.json()["error"]


def test_curl_may_say_that_json_is_a_form(served: Served) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    body = b'{"model": "echo", "prompt": "hi", "stream": false}'
    reply = httpx.post(f"{served.url}/api/generate", content=body, headers=headers)
    assert reply.json()["response"] == "hi"


def test_lines_are_lines(served: Served) -> None:
    body = {"model": "echo", "messages": [{"role": "user", "content": "a b\nc"}]}
    with httpx.stream("POST", f"{served.url}/api/chat", json=body) as reply:
        assert reply.headers["content-type"] == "application/x-ndjson"
        lines = b"".join(reply.iter_raw()).split(b"\n")
    assert lines.pop() == b"" and all(lines)
    assert all(json.loads(line)["message"]["role"] == "assistant" for line in lines)


async def test_a_client_that_goes_away_ends_its_job(served: Served) -> None:
    words = "word " * 2000
    async with ollama.AsyncClient(served.url) as gone:
        stream = await gone.generate("slow", words, stream=True)
        await anext(stream)
        assert served.server.jobs.running == 1
    async with asyncio.timeout(5):
        while served.server.jobs.running:
            await asyncio.sleep(0.01)


async def test_a_client_that_waits_for_the_whole_may_go_too(served: Served) -> None:
    async with ollama.AsyncClient(served.url) as gone:
        asking = asyncio.create_task(gone.generate("slow", "word " * 2000))
        async with asyncio.timeout(5):
            while not served.server.jobs.running:
                await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.wait([asking])
    async with asyncio.timeout(5):
        while served.server.jobs.running:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        ("chat", {"model": "tiny", "messages": [{"role": "user", "images": [PICTURE]}]}, "see"),
        ("chat", {"model": "vectors", "messages": ASKED}, "writes"),
        ("generate", {"model": "tiny", "prompt": "x", "suffix": "y"}, "gap"),
        ("generate", {"model": "tiny", "prompt": "x " * 5000}, "context"),
        ("chat", {"model": "calls", "messages": ASKED, "tools": [TOO_DEEP]}, "nested"),
    ],
    ids=["picture", "vectors", "gap", "long", "deep"],
)
def test_what_a_model_cannot_do_is_no_model_that_is_missing(
    served: Served, path: str, body: Any, word: str
) -> None:
    """404 would have clients pull the model."""
    reply = post(f"{served.url}/api/{path}", json=body)
    assert reply.status_code == 400
    assert word in reply.json()["error"]
