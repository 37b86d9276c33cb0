"""`chatterm models`: what is here and what can be had, and how it is added, chosen, removed."""

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
    assert head.split() == ["NAME", "SIZE", "QUANT", "PARAMS", "CONTEXT", "FITS", "WHERE"]
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


def test_fit_shows_the_plan_and_what_would_change_it(models_dir: Path) -> None:
    file = make_gguf(models_dir / "tiny.gguf", context=8192)
    out = chatterm("models", "fit", "tiny").out
    assert out.startswith("tiny: on the processor, 8k context, ")
    assert "weights" in out
    assert "engine.cache_type=q8_0" in out
    said = chatterm("models", "fit", str(file), "--json").json
    assert (said["context"], said["trained_context"], said["fits"]) == (8192, 8192, True)
    assert said["parts"]["cache of the context"] > 0
    assert said["machine"]["free"] > 0
    assert chatterm("config", "set", "engine.context", "1024").code == 0
    assert chatterm("models", "fit", "tiny", "--json").json["context"] == 1024
    assert chatterm("models", "fit", "nobody").code == 3


def test_the_list_says_whether_a_model_fits(models_dir: Path) -> None:
    make_gguf(models_dir / "tiny.gguf")
    listed = {model["name"]: model for model in chatterm("models", "list", "-a", "--json").json}
    assert listed["tiny"]["fits"] == "yes"
    assert "2k context" in listed["tiny"]["plan"]
    assert listed["nomic-embed-text-v1.5"]["fits"] in ("yes", "partly")


def test_a_folder_that_is_added_is_used_and_forgotten(tmp_path: Path) -> None:
    folder = tmp_path / "usb"
    folder.mkdir()
    file = make_gguf(folder / "stick.gguf")
    assert chatterm("models", "add", str(folder)).out == "stick\n"
    assert "was added before" in chatterm("models", "add", str(folder)).err
    assert chatterm("models", "show", "stick", "--json").json["place"] == "added"
    refused = chatterm("models", "remove", "stick")
    assert refused.code == 3
    assert f"chatterm models remove {folder}" in refused.err
    assert "nothing was deleted" in chatterm("models", "remove", str(folder)).err
    assert file.exists()
    assert chatterm("models", "show", "stick").code == 3


def test_a_file_that_is_added_may_be_named_when_it_is_forgotten(tmp_path: Path) -> None:
    file = make_gguf(tmp_path / "one.gguf")
    assert chatterm("models", "add", str(file)).out == "one\n"
    assert "nothing was deleted" in chatterm("models", "remove", "one").err
    assert file.exists()
    assert chatterm("models", "add", str(tmp_path / "none")).code == 2
    note = tmp_path / "notes.txt"
    note.write_text("x")
    assert "no GGUF file" in chatterm("models", "add", str(note)).err


def test_remove_deletes_from_our_own_folder_alone(models_dir: Path, home: Path) -> None:
    folder = models_dir / "owner" / "repo"
    folder.mkdir(parents=True)
    file = make_gguf(folder / "tiny.gguf")
    blob = ollama_model(home / ".ollama/models", "small:1m", b"GGUF")
    unasked = chatterm("models", "remove", "tiny")
    assert unasked.code == 2
    assert "--yes" in unasked.err
    assert file.exists()
    assert "deleted tiny" in chatterm("models", "remove", "tiny", "--yes").err
    assert not folder.exists()
    assert models_dir.exists()
    refused = chatterm("models", "remove", "small:1m", "--yes")
    assert refused.code == 3
    assert "belongs to Ollama" in refused.err
    assert blob.exists()


def test_a_broken_model_can_be_removed(models_dir: Path) -> None:
    for number in (1, 3):
        (models_dir / f"big-{number:05}-of-00003.gguf").write_bytes(b"x")
    assert chatterm("models", "remove", "big", "--yes").code == 0
    assert list(models_dir.iterdir()) == []


def test_the_default_is_the_model_of_new_chats(models_dir: Path) -> None:
    make_gguf(models_dir / "tiny.gguf")
    assert "new chats begin with tiny" in chatterm("models", "default", "TINY").err
    assert chatterm("config", "show", "--json").json["model"]["value"] == "tiny"
    assert chatterm("models", "default", "echo").code == 0
    assert chatterm("ask", "hello").out == "hello\n"
    missing = chatterm("models", "default", "nobody")
    assert missing.code == 3
    assert chatterm("models", "default", str(models_dir / "no.gguf")).code == 2
