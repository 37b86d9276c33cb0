"""`models list|show`: what the program says of models on this machine and in the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import chatterm
from tests.ggufs import make_gguf, truncated
from tests.model_folders import ollama_model


@pytest.fixture
def models_dir(home: Path) -> Path:
    folder = home / "data" / "models"
    folder.mkdir(parents=True)
    return folder


def test_the_list_shows_what_is_here_and_where(models_dir: Path, home: Path) -> None:
    make_gguf(models_dir / "Tiny-F32.gguf")
    truncated(models_dir / "Tiny-F32.gguf", models_dir / "half.gguf", 9000)
    ollama_model(home / ".ollama/models", "small:1m", (models_dir / "Tiny-F32.gguf").read_bytes())
    listed = {model["name"]: model for model in chatterm("models", "list", "--json").json}
    tiny = listed["Tiny-F32"]
    assert (tiny["state"], tiny["place"], tiny["quantisation"]) == ("here", "chatterm", "F32")
    assert (tiny["context"], tiny["architecture"], tiny["problem"]) == (2048, "llama", "")
    assert tiny["path"] == str(models_dir / "Tiny-F32.gguf")
    assert tiny["parameters"] > 100_000
    assert listed["small:1m"]["place"] == "ollama"
    assert "truncated" in listed["half"]["problem"]
    assert listed["echo"]["state"] == "built in"
    out = chatterm("models", "list").out
    head, *rows = out.splitlines()
    assert head.split() == ["NAME", "SIZE", "QUANT", "PARAMS", "CONTEXT", "WHERE"]
    (row,) = [row for row in rows if row.startswith("Tiny-F32")]
    assert "2k" in row
    assert "chatterm: " in row
    (row,) = [row for row in rows if row.startswith("half")]
    assert "broken: half.gguf is truncated" in row


def test_all_lists_the_catalogue_too(home: Path) -> None:
    ran = chatterm("models", "list", "--all", "--json")
    states = {model["state"] for model in ran.json}
    assert states == {"built in", "catalogue"}
    short = chatterm("models", "list")
    assert "models list --all" in short.err
    assert len(chatterm("models", "list", "--all").out.splitlines()) == len(ran.json) + 1


def test_show_tells_what_the_file_says(models_dir: Path) -> None:
    file = make_gguf(models_dir / "tiny.gguf", name="Tiny One", vocab=1200)
    out = chatterm("models", "show", "tiny").out
    assert "architecture  llama" in out
    assert "general.name = Tiny One" in out
    assert "tokenizer.ggml.tokens = (1,200 of string)" in out
    assert "general.name = Tiny One" in chatterm("models", "show", str(file)).out
    said = chatterm("models", "show", "tiny", "--json").json
    assert said["header"]["llama.context_length"] == 2048
    assert said["layers"] == 2


def test_show_tells_what_the_catalogue_says(home: Path) -> None:
    (home / "config").mkdir(parents=True)
    card = home / "card.md"
    card.write_text("# Mine\nWhat it is.\n")
    (home / "config" / "models.toml").write_text(
        '[models.mine]\nbackend = "engine"\nrepository = "me/mine"\nlicence = "mit"\n'
        f'capabilities = ["tools"]\ncard = "{card}"\n'
        'files.Q8_0 = {file = "mine.gguf", size = 1500000000}\n'
    )
    out = chatterm("models", "show", "mine").out
    assert "to pull     Q8_0 (1.5 GB)" in out
    assert "can         tools" in out
    assert out.endswith("# Mine\nWhat it is.\n")
    assert chatterm("models", "show", "mine", "--json").json["files"]["Q8_0"]["file"] == "mine.gguf"


def test_a_model_that_is_not_here_says_how_to_get_it(home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "models.toml").write_text(
        '[models.mine]\nbackend = "engine"\nfiles.Q8_0 = {file = "mine.gguf"}\n'
    )
    ran = chatterm("ask", "-m", "mine", "hi")
    assert ran.code == 3
    assert "chatterm models pull mine" in ran.err
    assert chatterm("models", "show", "nobody").code == 3
    assert chatterm("models", "show", str(home / "no.gguf")).code == 3


def test_a_found_model_answers_by_its_name(models_dir: Path) -> None:
    make_gguf(models_dir / "tiny.gguf")
    try:
        said = chatterm("ask", "-m", "tiny", "-o", "max_tokens=2", "--json", "hello").json
    finally:
        chatterm("engine", "stop")
    assert (said["model"], said["backend"], said["state"]) == ("tiny", "engine", "complete")
