"""Models that other programs have on the disk are found, named, and used where they lie."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from chatterm.catalog import Catalog, ModelEntry, ModelFile
from chatterm.engine.library import (
    Library,
    add,
    forget,
    header_of,
    open_library,
    read_added,
)
from chatterm.engine.places import Place, files_in, known_places
from chatterm.errors import ConfigError, ModelError
from chatterm.paths import Paths
from tests.ggufs import make_gguf
from tests.model_folders import hub_file, jan_model, ollama_model, put

QWEN = ModelEntry(
    "qwen3-4b",
    "engine",
    repository="Qwen/Qwen3-4B-GGUF",
    files={
        "Q4_K_M": ModelFile("Qwen3-4B-Q4_K_M.gguf", 6),
        "Q8_0": ModelFile("Qwen3-4B-Q8_0.gguf"),
    },
)
CATALOG = Catalog({"echo": ModelEntry("echo", "echo"), "qwen3-4b": QWEN}, {})


@pytest.fixture
def paths(home: Path) -> Paths:
    return Paths.from_environment(os.environ)


@pytest.fixture
def library(paths: Paths, home: Path) -> Callable[[], Library]:
    return lambda: open_library(
        paths, CATALOG, elsewhere=known_places(os.environ, home, "linux")[:-2]
    )


def names(library: Library) -> list[str]:
    return [model.name for model in library.models]


def test_models_of_every_program_are_found_and_named(
    home: Path, paths: Paths, library: Callable[[], Library], tmp_path: Path
) -> None:
    put(paths.models_dir / "mine.gguf", b"1")
    hub_file(home / ".cache/huggingface/hub", "org/Hub-GGUF", "hub-Q4_0.gguf", b"22")
    put(home / ".lmstudio/models/maker/Studio-GGUF/studio.gguf", b"333")
    jan_model(home / ".local/share/Jan/data", "jan-nano", b"4444")
    ollama_model(home / ".ollama/models", "llama3.2:3b", b"55555")
    add(paths, put(tmp_path / "usb" / "stick.gguf", b"666666").parent)
    found = library()
    assert names(found) == ["mine", "stick", "hub-Q4_0", "studio", "jan-nano", "llama3.2:3b"]
    assert [model.file.place for model in found.models] == [
        "chatterm",
        "added",
        "huggingface",
        "lmstudio",
        "jan",
        "ollama",
    ]
    assert [model.file.size for model in found.models] == [1, 6, 2, 3, 4, 5]
    assert [model.path.read_bytes() for model in found.models][-1] == b"55555"


def test_the_variables_and_settings_of_other_programs_are_honoured(
    home: Path, tmp_path: Path
) -> None:
    put(home / ".lmstudio-home-pointer", f"{tmp_path / 'studio'}\n".encode())
    put(tmp_path / "studio/settings.json", b'{"downloadsFolder": "~/big/models"}')
    put(home / ".config/Jan/settings.json", b'{"data_folder": "/big/jan"}')
    env = {"HF_HOME": "/big/hf", "OLLAMA_MODELS": "/big/ollama"}
    folders = [str(place.folder) for place in known_places(env, home, "linux")]
    assert "/big/hf/hub" in folders
    assert folders[-1] == "/big/ollama"
    assert f"{home}/big/models" in folders
    assert "/big/jan" in folders
    cache = known_places({"HF_HUB_CACHE": "/c", "HF_HOME": "/big/hf"}, home, "linux")
    assert cache[0].folder == Path("/c")


@pytest.mark.parametrize(
    ("platform", "folder"),
    [
        ("darwin", "Library/Application Support/Jan/data"),
        ("win32", "AppData/Roaming/Jan/data"),
        ("linux", ".local/share/Jan/data"),
    ],
)
def test_jan_is_looked_for_where_its_platform_keeps_data(
    home: Path, platform: str, folder: str
) -> None:
    places = known_places({}, home, platform)
    assert home / folder in [place.folder for place in places if place.name == "jan"]


def test_a_file_of_the_catalogue_has_its_name_wherever_it_lies(
    home: Path, paths: Paths, library: Callable[[], Library]
) -> None:
    hub = home / ".cache/huggingface/hub"
    hub_file(hub, "Qwen/Qwen3-4B-GGUF", "Qwen3-4B-Q8_0.gguf", b"any size")
    found = library()
    assert names(found) == ["qwen3-4b"]
    assert found.find("qwen3-4b").quantisation == "Q8_0"
    put(paths.models_dir / QWEN.repository / "Qwen3-4B-Q4_K_M.gguf", b"sixsix")
    found = library()
    assert names(found) == ["qwen3-4b", "qwen3-4b:Q8_0"]
    assert found.find("qwen3-4b").quantisation == "Q4_K_M"
    assert found.find("qwen3-4b:q4_k_m") == found.find("qwen3-4b")
    assert [model.quantisation for model in found.of_entry(QWEN)] == ["Q4_K_M", "Q8_0"]


def test_a_file_of_the_same_name_is_of_the_catalogue_only_if_its_size_is(
    home: Path, library: Callable[[], Library]
) -> None:
    file = put(home / ".lmstudio/models/Qwen3-4B-Q4_K_M.gguf", b"another")
    assert names(library()) == ["Qwen3-4B-Q4_K_M"]
    file.write_bytes(b"sixsix")
    assert names(library()) == ["qwen3-4b"]


def test_of_several_files_with_one_name_the_nearest_keeps_it(
    home: Path, paths: Paths, library: Callable[[], Library]
) -> None:
    studio = home / ".lmstudio/models"
    put(studio / "a/b/Model.gguf", b"1")
    put(studio / "c/d/model.gguf", b"2")
    put(paths.models_dir / "model.gguf", b"3")
    put(home / ".lmstudio/models/echo.gguf", b"4")
    found = library()
    assert names(found) == ["model", "echo@lmstudio", "Model@lmstudio", "model@c/d"]
    assert found.find("MODEL").path.parent == paths.models_dir
    assert found.find("model@c/d").file.repository == "c/d"


def test_two_names_of_one_file_are_one_model(
    home: Path, paths: Paths, library: Callable[[], Library]
) -> None:
    blob = ollama_model(home / ".ollama/models", "tiny", b"weights")
    link = paths.models_dir / "linked.gguf"
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    assert names(library()) == ["linked"]


def test_ollama_names_are_kept(home: Path, library: Callable[[], Library]) -> None:
    store = home / ".ollama/models"
    ollama_model(store, "llama3.2", b"1")
    ollama_model(store, "model:q4", b"2", namespace="someone")
    ollama_model(store, "Repo-GGUF:Q4_K_M", b"3", host="hf.co", namespace="unsloth")
    found = library()
    assert names(found) == ["hf.co/unsloth/Repo-GGUF:Q4_K_M", "llama3.2:latest", "someone/model:q4"]
    assert found.find("llama3.2").name == "llama3.2:latest"


def test_an_ollama_store_with_damage_still_lists_the_rest(
    home: Path, library: Callable[[], Library]
) -> None:
    store = home / ".ollama/models"
    ollama_model(store, "good:1b", b"1")
    ollama_model(store, "gone:1b", b"2").unlink()
    manifests = store / "manifests/registry.ollama.ai/library"
    put(manifests / "garbled" / "1b", b"{nonsense")
    put(manifests / "odd" / "1b", b'{"layers": [1, {"mediaType": null}]}')
    evil = {"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:../../etc/passwd"}
    put(manifests / "evil" / "1b", json.dumps({"layers": [evil]}).encode())
    found = {model.name: model.file.problem for model in library().models}
    assert found["good:1b"] == ""
    assert "gone" in found["gone:1b"] or "any more" in found["gone:1b"]
    assert found["garbled:1b"] == "its manifest cannot be read"
    assert set(found) == {"good:1b", "gone:1b", "garbled:1b"}
    with pytest.raises(ModelError, match="garbled:1b cannot be used") as caught:
        library().find("garbled:1b")
    assert caught.value.hint


def test_a_cache_with_a_dangling_link_shows_it_as_broken(
    home: Path, library: Callable[[], Library]
) -> None:
    link = hub_file(home / ".cache/huggingface/hub", "o/r", "m.gguf", b"1")
    link.resolve().unlink()
    (model,) = library().models
    assert "which is gone" in model.file.problem


def test_of_several_revisions_the_present_one_counts(
    home: Path, library: Callable[[], Library]
) -> None:
    hub = home / ".cache/huggingface/hub"
    hub_file(hub, "o/r", "m.gguf", b"new", revision="1" * 40)
    hub_file(hub, "o/r", "sub/old.gguf", b"only here", revision="2" * 40)
    hub_file(hub, "o/r", "m.gguf", b"old", revision="3" * 40)
    put(hub / "models--o--r/refs/main", b"1" * 40)
    found = library()
    assert names(found) == ["m", "old"]
    assert found.find("m").path.read_bytes() == b"new"
    assert found.find("old").file.file == "sub/old.gguf"


def test_a_split_model_is_one_and_says_which_part_is_missing(
    paths: Paths, library: Callable[[], Library]
) -> None:
    for number in (1, 2, 3):
        put(paths.models_dir / f"big-{number:05}-of-00003.gguf", b"x" * number)
    (model,) = library().models
    assert (model.name, model.file.size, len(model.file.parts)) == ("big", 6, 3)
    assert model.path.name == "big-00001-of-00003.gguf"
    model.file.parts[1].unlink()
    (model,) = library().models
    assert model.file.problem == "part 2 of 3 is missing"
    model.path.unlink()
    (model,) = library().models
    assert model.file.problem == "part 1 of 3 is missing"
    assert model.path.name == "big-00001-of-00003.gguf"


def test_what_is_no_model_is_left_out(paths: Paths, library: Callable[[], Library]) -> None:
    for name in ("mmproj-F16.gguf", "model.mmproj-Q8_0.gguf", "notes.txt", "imatrix.gguf"):
        put(paths.models_dir / name, b"x")
    put(paths.models_dir / ".hidden" / "m.gguf", b"x")
    assert names(library()) == []


def test_a_folder_that_links_to_itself_is_walked_once(
    paths: Paths, library: Callable[[], Library]
) -> None:
    put(paths.models_dir / "a" / "m.gguf", b"x")
    (paths.models_dir / "a" / "again").symlink_to(paths.models_dir)
    (paths.models_dir / "loop.gguf").symlink_to("loop.gguf")
    assert sorted(names(library())) == ["loop", "m"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_passed_over(
    paths: Paths, library: Callable[[], Library]
) -> None:
    locked = put(paths.models_dir / "a" / "m.gguf", b"x").parent
    locked.chmod(0)
    try:
        assert names(library()) == []
    finally:
        locked.chmod(0o700)


def test_a_jan_model_may_lie_anywhere(
    home: Path, library: Callable[[], Library], tmp_path: Path
) -> None:
    data = home / ".local/share/Jan/data"
    imported = put(tmp_path / "elsewhere.gguf", b"12")
    put(data / "llamacpp/models/org/name/model.yml", f"model_path: '{imported}'\n".encode())
    put(data / "llamacpp/models/odd/model.yml", b"- not what is expected")
    (model,) = library().models
    assert (model.name, model.path) == ("org/name", imported)


def test_an_unknown_name_is_answered_with_what_to_do(library: Callable[[], Library]) -> None:
    for name in ("qwen3-4b", "qwen3-4b:Q8_0"):
        with pytest.raises(ModelError, match="is not on this machine") as caught:
            library().find(name)
        assert caught.value.hint == f"get it with: chatterm models pull {name}"
    with pytest.raises(ModelError, match="echo has no file"):
        library().find("echo")
    with pytest.raises(ModelError, match="there is no model") as caught:
        library().find("qwen3-4")
    assert caught.value.hint == "did you mean qwen3-4b?"
    with pytest.raises(ModelError) as caught:
        library().find("something else entirely")
    assert "chatterm models list" in caught.value.hint


def test_what_was_added_is_remembered_and_forgotten(paths: Paths, tmp_path: Path) -> None:
    file = put(tmp_path / "m.gguf", b"x")
    assert add(paths, file)
    assert not add(paths, file)
    assert read_added(paths) == [file]
    file.unlink()
    (model,) = open_library(paths, CATALOG, elsewhere=[]).models
    assert model.file.problem
    assert forget(paths, file)
    assert not forget(paths, file)
    assert open_library(paths, CATALOG, elsewhere=[]).models == ()


def test_an_added_folder_that_is_away_is_shown_as_broken(paths: Paths, tmp_path: Path) -> None:
    stick = put(tmp_path / "stick" / "m.gguf", b"x").parent
    add(paths, stick)
    assert names(open_library(paths, CATALOG, elsewhere=[])) == ["m"]
    stick.rename(tmp_path / "away")
    (model,) = open_library(paths, CATALOG, elsewhere=[]).models
    assert (model.name, model.file.problem) == ("stick", "there is no stick any more")


def test_a_user_without_a_home_has_models_all_the_same(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> Path:
        raise RuntimeError("no home")

    put(paths.models_dir / "mine.gguf", b"x")
    monkeypatch.setattr(Path, "home", nowhere)
    assert names(open_library(paths, CATALOG)) == ["mine"]


def test_a_damaged_note_of_what_was_added_says_what_to_do(paths: Paths) -> None:
    put(paths.data / "models.json", b"[1, 2")
    with pytest.raises(ConfigError, match=r"models\.json cannot be read") as caught:
        read_added(paths)
    assert "add your models again" in caught.value.hint


def test_a_model_is_read_where_it_lies(
    home: Path, library: Callable[[], Library], tmp_path: Path
) -> None:
    data = make_gguf(tmp_path / "m.gguf", name="In Place").read_bytes()
    ollama_model(home / ".ollama/models", "tiny:1m", data)
    assert header_of(library().find("tiny:1m")).name == "In Place"


def test_a_huge_folder_is_given_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatterm.engine.places._MAX_ENTRIES", 10)
    for number in range(30):
        put(tmp_path / f"{number:02}.gguf", b"x")
    assert len(files_in(Place("added", tmp_path))) == 10
