"""The catalogue: the shipped models, the user's own, and what is wrong with a file."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings

import chatterm
from chatterm.catalog import ModelEntry, ModelFile, RemoteEntry, load_catalog, shipped_models_file
from chatterm.errors import ConfigError
from tests.unit.toml_texts import toml_bytes

SHIPPED = '[models.echo]\nbackend = "echo"\nsummary = "Repeats"\nwords_per_second = 0\n'


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tmp_path / "models.toml"


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    file = tmp_path / "shipped.toml"
    file.write_text(SHIPPED)
    return file


def test_what_is_shipped_is_valid_and_has_the_echo_model(mine: Path) -> None:
    catalog = load_catalog(mine)
    assert catalog.models["echo"].backend == "echo"
    assert catalog.models["echo"].words_per_second == 0


def shipped_entries() -> list[ModelEntry]:
    """Those that are pulled from somewhere."""
    models = load_catalog(Path("/nowhere/models.toml")).models.values()
    return [entry for entry in models if entry.files]


@pytest.mark.parametrize("entry", shipped_entries(), ids=lambda entry: entry.name)
def test_an_entry_that_is_shipped_says_what_must_be_known(entry: ModelEntry) -> None:
    assert entry.name == entry.name.lower()
    assert entry.summary.startswith("For ")
    assert len(entry.summary) <= 80
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", entry.repository)
    assert entry.parameters > entry.active_parameters >= 0
    assert entry.context >= 2048
    assert entry.licence
    assert entry.capabilities
    first = next(iter(entry.files.values()))
    assert first.size, "what is pulled unless told otherwise has a confirmed size"
    for quantisation, file in entry.files.items():
        assert file.file.endswith(".gguf")
        assert quantisation.lower().removeprefix("ud-") in file.file.lower().replace("k.", "k_m.")
        assert re.fullmatch(r"([0-9a-f]{64})?", file.sha256)
        assert re.fullmatch(r"([0-9a-f]{40})?", file.revision)
        bytes_of_one = file.size / entry.parameters
        assert file.size == 0 or 0.4 < bytes_of_one < 1.2


def test_the_shipped_catalogue_has_something_for_everybody() -> None:
    entries = shipped_entries()
    chat = [entry for entry in entries if "embeddings" not in entry.capabilities]
    assert 15 <= len(chat) <= 25
    assert len(entries) - len(chat) >= 3
    assert min(entry.parameters for entry in chat) < 10**9
    assert max(entry.parameters for entry in chat) > 7 * 10**10
    assert len({(entry.repository, file) for entry in entries for file in entry.files}) == sum(
        len(entry.files) for entry in entries
    )


def test_files_of_an_entry_are_merged_by_quantisation(mine: Path, shipped: Path) -> None:
    shipped.write_text(
        '[models.m]\nbackend = "engine"\nfiles.Q4_0 = {file = "a.gguf", size = 5}\n'
        'capabilities = ["tools"]\n'
    )
    mine.write_text('[models.m]\nfiles.Q8_0 = {file = "b.gguf"}\ncontext = 10\n')
    entry = load_catalog(mine, shipped).models["m"]
    assert entry.files == {"Q4_0": ModelFile("a.gguf", 5), "Q8_0": ModelFile("b.gguf")}
    assert (entry.capabilities, entry.context) == (("tools",), 10)


def test_the_shipped_file_is_found_in_a_checkout() -> None:
    assert shipped_models_file() == Path(__file__).parents[2] / "models.toml"


def test_the_shipped_file_is_found_inside_an_installed_package(tmp_path: Path) -> None:
    package = Path(__file__).parents[2] / "chatterm"
    installed = tmp_path / "chatterm"
    installed.mkdir()
    for name in ("__init__", "catalog", "errors", "hints", "tables"):
        shutil.copy(package / f"{name}.py", installed)
    shutil.copy(package.parent / "models.toml", installed)
    code = "from chatterm.catalog import shipped_models_file; print(shipped_models_file())"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == str(installed / "models.toml")


def test_an_entry_of_the_user_is_added(mine: Path, shipped: Path) -> None:
    mine.write_text('[models.slow]\nbackend = "echo"\nwords_per_second = 2.5\n')
    catalog = load_catalog(mine, shipped)
    assert list(catalog.models) == ["echo", "slow"]
    assert catalog.models["slow"] == ModelEntry("slow", "echo", words_per_second=2.5)


def test_the_users_keys_win_and_the_others_of_the_entry_stay(mine: Path, shipped: Path) -> None:
    mine.write_text("[models.echo]\nwords_per_second = 20\n")
    echo = load_catalog(mine, shipped).models["echo"]
    assert echo == ModelEntry("echo", "echo", summary="Repeats", words_per_second=20.0)
    assert type(echo.words_per_second) is float


def test_a_file_is_beside_the_one_that_names_it(mine: Path, shipped: Path) -> None:
    shipped.write_text(
        '[models.guide]\nbackend = "engine"\npath = "engine/g.gguf"\ncard = "c.md"\n'
    )
    mine.write_text(
        '[models.own]\nbackend = "engine"\npath = "own.gguf"\n'
        '[models.far]\nbackend = "engine"\npath = "/big/far.gguf"\n'
        '[models.home]\nbackend = "engine"\npath = "~/m.gguf"\n'
    )
    models = load_catalog(mine, shipped).models
    package = Path(chatterm.__file__).parent
    assert models["guide"].path == str(package / "engine" / "g.gguf")
    assert models["guide"].card == str(package / "c.md")
    assert models["own"].path == str(mine.parent / "own.gguf")
    assert models["far"].path == "/big/far.gguf"
    assert models["home"].path == str(Path.home() / "m.gguf")
    assert models["own"].card == ""


def test_the_files_of_the_shipped_models_are_there(mine: Path) -> None:
    for model in load_catalog(mine).models.values():
        assert all(Path(file).is_file() for file in (model.path, model.card) if file)


def test_a_remote_is_read(mine: Path, shipped: Path) -> None:
    mine.write_text('[remotes.home]\nkind = "ollama"\nurl = "http://10.0.0.2:11434"\n')
    remotes = load_catalog(mine, shipped).remotes
    assert remotes == {"home": RemoteEntry("home", "ollama", "http://10.0.0.2:11434")}


def test_a_name_with_a_dot_is_read_when_quoted(mine: Path, shipped: Path) -> None:
    mine.write_text('[models."llama-3.2:1b"]\nbackend = "engine"\n')
    assert "llama-3.2:1b" in load_catalog(mine, shipped).models


BAD = [
    ("[models.x", 1, "this is not valid TOML", "https://toml.io"),
    ('[models.x]\nbackend = "echo"\nsummary = oops', 3, "not valid TOML", "text needs quotes"),
    ("\n\n[models.x]\nbackend = 'echo", 4, "not valid TOML", "text needs quotes"),
    ("[modles.x]\n", None, "has no table 'modles'", "did you mean models?"),
    ("models = 5", None, "models must be tables, not 5", "[models.NAME]"),
    ("[[models]]", None, "models must be tables, not a list", "[models.NAME]"),
    ("[models]\nx = 5", None, "models.x must be a table, not 5", "[models.NAME]"),
    ('[models.x]\nbakend = "echo"', None, "[models.x] has no key 'bakend'", "backend?"),
    ('[models.x]\nname = "y"', None, "[models.x] has no key 'name'", ""),
    ('[models.x]\nbackend = "ecko"', None, "backend must be echo or engine, not 'ecko'", "echo?"),
    ("[models.x]\nbackend = 1", None, "[models.x]: backend must be echo or engine, not 1", ""),
    ("[models.x]\nsummary = 1", None, "[models.x]: summary must be text, not 1", ""),
    ("[models.x]\n", None, "[models.x] lacks the key backend", ""),
    ("[models.x]\nwords_per_second = '9'", None, "words_per_second must be a number", ""),
    ("[models.x]\nwords_per_second = true", None, "must be a number, not true", ""),
    ("[models.x]\nwords_per_second = -1", None, "words_per_second must be at least 0", ""),
    ("[models.x]\nwords_per_second = inf", None, "words_per_second must be a number, not inf", ""),
    ("[models.x]\nwords_per_second = 1" + "0" * 400, None, "words_per_second must be", ""),
    (
        '[models.x]\nbackend = "engine"\ncapabilities = ["tolls"]',
        None,
        "capabilities must be tools, reasoning, vision or embeddings, not 'tolls'",
        "tools?",
    ),
    ("[models.x]\ncapabilities = 5", None, "capabilities must be a list of texts, not 5", ""),
    ("[models.x]\nfiles = 5", None, "files must be a table, not 5", ""),
    ("[models.x]\nfiles.Q4_0 = 'a'", None, "files.Q4_0 must be a table, not 'a'", ""),
    ("[models.x]\nfiles.Q4_0 = {}", None, "files.Q4_0 lacks the key file", ""),
    ("[models.x.files.Q4_0]\nfiel = 'a'", None, "files.Q4_0 has no key 'fiel'", "file?"),
    ('[models.llama-3.2]\nbackend = "engine"', None, "has no key '2'", "needs quotes"),
    ('[models."a/b"]\nbackend = "echo"', None, "'a/b' cannot be the name of one", "digits"),
    ('[models."m.gguf"]\nbackend = "echo"', None, "'m.gguf' cannot be the name", ".gguf"),
    ('[models.""]\nbackend = "echo"', None, "'' cannot be the name of one of the models", ""),
    ('[remotes.r]\nkind = "openai"', None, "[remotes.r] lacks the key url", ""),
    (
        '[remotes.r]\nkind = "opnai"',
        None,
        "kind must be openassistant, openai or ollama",
        "openai?",
    ),
    ('[remotes.r]\nurl = "ftp://h"', None, "url must be an http or https address", "login r"),
    ('[remotes.r]\nurl = "https://"', None, "url must be an http or https address", "login r"),
    ('[remotes.r]\napi_key = "k"', None, "[remotes.r] has no key 'api_key'", "known: kind, url"),
]


@pytest.mark.parametrize(("text", "line", "said", "hint"), BAD)
def test_what_is_wrong_is_said_with_the_file_the_place_and_the_nearest_name(
    mine: Path, shipped: Path, text: str, line: int | None, said: str, hint: str
) -> None:
    mine.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_catalog(mine, shipped)
    place = f"{mine}, line {line}: " if line else f"{mine}"
    assert caught.value.message.startswith(place)
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_password_in_an_address_is_refused_and_not_repeated(mine: Path, shipped: Path) -> None:
    mine.write_text('[remotes.r]\nkind = "openai"\nurl = "https://me:s3cret@example.org/v1"\n')
    with pytest.raises(ConfigError) as caught:
        load_catalog(mine, shipped)
    assert "s3cret" not in caught.value.message + caught.value.hint


def test_a_file_that_is_not_utf8_is_told_with_its_line(mine: Path, shipped: Path) -> None:
    mine.write_bytes(b'[models.x]\nsummary = "caf\xe9"\n')
    with pytest.raises(ConfigError, match="line 2: this is not UTF-8 text"):
        load_catalog(mine, shipped)


def test_a_folder_in_place_of_the_file_is_a_config_error(mine: Path, shipped: Path) -> None:
    mine.mkdir()
    with pytest.raises(ConfigError, match=r"models\.toml cannot be read"):
        load_catalog(mine, shipped)


def test_the_mark_of_windows_editors_does_no_harm(mine: Path, shipped: Path) -> None:
    mine.write_bytes(b'\xef\xbb\xbf[models.x]\r\nbackend = "echo"\r\n')
    assert "x" in load_catalog(mine, shipped).models


@settings(max_examples=150, deadline=None)
@given(toml_bytes)
def test_any_file_is_read_or_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any-models.toml"
    file.write_bytes(data)
    try:
        load_catalog(file)
    except ConfigError as error:
        assert str(file) in error.message
        error.message.encode()
