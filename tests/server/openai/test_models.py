"""Models are deleted by whoever may, and only those that are this server's to delete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from chatterm.paths import Paths
from chatterm.server.keys import Scope
from tests.ggufs import make_gguf
from tests.model_folders import hub_file
from tests.server.serving import Served, add_user, people, serving


@pytest.fixture
def pulled(home: Path) -> Path:
    """The file of a model in chatterm's own folder."""
    folder = Paths.from_environment(os.environ).models_dir
    folder.mkdir(parents=True)
    return make_gguf(folder / "small.gguf")


@pytest.fixture
def elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of another program."""
    hub = home / "hub"
    monkeypatch.setenv("HF_HUB_CACHE", str(hub))
    data = make_gguf(home.parent / "theirs.gguf", seed=2).read_bytes()
    return hub_file(hub, "them/theirs", "theirs.gguf", data)


@pytest.fixture
def served(pulled: Path, elsewhere: Path) -> Iterator[Served]:
    with serving() as found:
        yield found


def client_of(served: Served, key: str = "any") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{served.url}/v1", api_key=key, max_retries=0)


def test_a_model_is_deleted_with_its_file(served: Served, pulled: Path) -> None:
    with client_of(served) as client:
        before = {model.id for model in client.models.list()}
        used = client.completions.create(model="small", prompt="hello", max_tokens=3)
        assert used.usage and used.usage.completion_tokens == 3
        gone = client.models.delete("small")
        assert gone.to_dict() == {"id": "small", "object": "model", "deleted": True}
        assert not pulled.exists()
        assert {model.id for model in client.models.list()} == before - {"small"}
        with pytest.raises(openai.NotFoundError) as again:
            client.models.delete("small")
        assert again.value.code == "model_not_found"


def test_what_is_not_the_servers_stays(served: Served, elsewhere: Path) -> None:
    with client_of(served) as client:
        names = {model.id for model in client.models.list()}
        (theirs,) = (name for name in names if "theirs" in name)
        for name in ("guide", "echo", theirs):
            with pytest.raises(openai.BadRequestError, match="not this server's to delete") as no:
                client.models.delete(name)
            assert no.value.param == "model"
        assert {model.id for model in client.models.list()} == names
    assert elsewhere.exists()


def test_a_key_needs_the_scope(pulled: Path) -> None:
    plain = add_user("ann")
    with people() as known:
        bob = known.users.add("bob", "correct horse")
        trusted = known.keys.add(bob, scopes=(Scope.USE, Scope.MODELS))[1]
    with (
        serving() as served,
        client_of(served, plain) as ann,
        client_of(served, trusted) as curator,
    ):
        for name in ("small", "nobody"):
            with pytest.raises(openai.PermissionDeniedError, match="scope models"):
                ann.models.delete(name)
        assert pulled.exists()
        assert curator.models.delete("small").deleted
    assert not pulled.exists()
