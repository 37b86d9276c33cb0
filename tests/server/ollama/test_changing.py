"""Pull, copy and delete, by the unmodified client, with a stand-in for the hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import ollama
import pytest

from tests.ggufs import make_gguf
from tests.hub import Hub, running_hub
from tests.server.serving import Served, add_user, people, serving

NAME = "hf.co/them/small:Q8_0"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running_hub(tmp_path / "hub") as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        running.add(
            "them/small/small-Q8_0.gguf", make_gguf(tmp_path / "small-Q8_0.gguf").read_bytes()
        )
        yield running


@pytest.fixture
def served(hub: Hub) -> Iterator[Served]:
    with serving() as found:
        yield found


@pytest.fixture
def client(served: Served) -> Iterator[ollama.Client]:
    with ollama.Client(served.url) as found:
        yield found


def names(client: ollama.Client) -> set[str]:
    return {str(model.model) for model in client.list().models}


def test_a_model_is_pulled_used_copied_and_deleted(client: ollama.Client) -> None:
    before = names(client)
    steps = list(client.pull(NAME, stream=True))
    assert steps[0].status == "pulling manifest" and steps[-1].status == "success"
    bars = [step for step in steps if step.total]
    assert bars[-1].completed == bars[-1].total and str(bars[-1].digest).startswith("sha256:")
    (name,) = names(client) - before
    options = {"num_predict": 3}
    said = client.generate(NAME, "hello", options=options, keep_alive=0)
    assert said.model == NAME and said.eval_count == 3
    assert client.generate(name, "hello", options=options, keep_alive=0).response
    assert client.copy(name, "mine").status == "success"
    assert "mine:latest" in names(client)
    assert client.generate("mine", "hello", options=options, keep_alive=0).eval_count == 3
    with pytest.raises(ollama.ResponseError, match="copy"):
        client.delete(name)
    assert client.delete("mine").status == "success"
    assert client.delete(name).status == "success"
    assert names(client) == before
    with pytest.raises(ollama.ResponseError) as gone:
        client.delete(name)
    assert gone.value.status_code == 404


async def test_the_asynchronous_client_does_the_same(served: Served) -> None:
    async with ollama.AsyncClient(served.url) as client:
        assert (await client.pull(NAME)).status == "success"
        assert [step async for step in await client.pull(NAME, stream=True)][-1].status == "success"
        await client.copy("echo", "parrot")
        assert (await client.generate("parrot", "again")).response == "again"
        await client.delete("parrot")


def test_no_address_is_fetched_that_a_client_gives(
    client: ollama.Client, hub: Hub, served: Served
) -> None:
    address = f"{hub.address}/them/small/resolve/main/small-Q8_0.gguf"
    for name in (address, "HTTP://127.0.0.1:1/x.gguf", "file:///etc/passwd", "ftp://x/y.gguf"):
        with pytest.raises(ollama.ResponseError) as refusal:
            client.pull(name)
        assert refusal.value.status_code == 400
    assert hub.asked == []


def test_what_is_not_known_or_not_ours_is_refused(client: ollama.Client) -> None:
    acts: list[tuple[Callable[[], object], int]] = [
        (lambda: client.pull("no-such-model"), 404),
        (lambda: client.pull("hf.co/them"), 400),
        (lambda: client.pull("hf.co/them/nothing"), 404),
        (lambda: client.delete("guide"), 400),
        (lambda: client.delete("nobody"), 404),
        (lambda: client.copy("nobody", "x"), 404),
        (lambda: client.copy("echo", "guide"), 400),
        (lambda: client.copy("echo", "../x"), 400),
    ]
    for act, status in acts:
        with pytest.raises(ollama.ResponseError) as refusal:
            act()
        assert refusal.value.status_code == status, refusal.value


def test_a_key_without_the_scope_changes_nothing(hub: Hub) -> None:
    key = add_user("ada")
    with serving() as served:
        headers = {"Authorization": f"Bearer {key}"}
        with ollama.Client(served.url, headers=headers) as client:
            acts: list[Callable[[], object]] = [
                lambda: client.pull(NAME),
                lambda: client.copy("echo", "x"),
                lambda: client.delete("echo"),
            ]
            for act in acts:
                with pytest.raises(ollama.ResponseError) as refusal:
                    act()
                assert refusal.value.status_code == 403
    assert hub.asked == []


def test_a_server_with_chosen_models_takes_no_others(hub: Hub) -> None:
    with serving(models=("echo",)) as served, ollama.Client(served.url) as client:
        with pytest.raises(ollama.ResponseError) as refusal:
            client.pull(NAME)
        assert refusal.value.status_code == 403
        assert names(client) == {"echo:latest"}


def test_nobody_is_let_in_without_a_credential() -> None:
    add_user("ada")
    with serving() as served, people():
        for method, path in (("POST", "/api/chat"), ("DELETE", "/api/delete"), ("GET", "/api/ps")):
            reply = httpx.request(method, served.url + path, json={})
            assert reply.status_code == 401 and list(reply.json()) == ["error"]
