"""Names and addresses become files: of the hub, of split models, of anywhere."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chatterm.engine.pull.sources import (
    HubName,
    choose,
    hub_name,
    is_address,
    parts_of,
    quantisation_of,
    sources_of,
)
from chatterm.engine.pull.web import HUB, Web, hub_address
from chatterm.errors import ChattermError, ConfigError, ModelError
from tests.hub import COMMIT, Hub, running_hub


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("hf:a/b", HubName("a/b")),
        ("hf:a/b:Q8_0", HubName("a/b", quantisation="Q8_0")),
        ("hf:a/b/c.gguf", HubName("a/b", file="c.gguf")),
        ("hf:a/b/sub/c.gguf", HubName("a/b", file="sub/c.gguf")),
        ("hf:a/b@v2/c.gguf", HubName("a/b", revision="v2", file="c.gguf")),
        ("hf.co/a/b:IQ4_XS", HubName("a/b", quantisation="IQ4_XS")),
        ("https://huggingface.co/a/b", HubName("a/b")),
        ("https://huggingface.co/a/b/tree/main", HubName("a/b")),
        ("https://huggingface.co/a/b/blob/main/c.gguf", HubName("a/b", file="c.gguf")),
        (
            "https://huggingface.co/a/b/resolve/v1/c%20d.gguf?download=true",
            HubName("a/b", revision="v1", file="c d.gguf"),
        ),
        ("https://example.org/a/b/resolve/main/c.gguf", None),
    ],
)
def test_ways_to_name_a_file_of_the_hub(text: str, named: HubName | None) -> None:
    assert is_address(text)
    assert hub_name(text, HUB) == named


@pytest.mark.parametrize("text", ["hf:", "hf:alone", "hf:a/b:", "hf:a b/c", "hf:/a/b"])
def test_what_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="names nothing"):
        hub_name(text, HUB)


@pytest.mark.parametrize(
    "text",
    [
        "hf:a/b/../../../etc/passwd.gguf",
        "hf:a/../x.gguf",
        "hf:../b/x.gguf",
        "hf:a/b/sub//x.gguf",
        "hf:a/b/x.bin",
        "https://example.org/x.zip",
        "https://example.org/a%5Cx.gguf",
        "https://me:secret@example.org/x.gguf",
    ],
)
def test_no_name_leads_out_of_the_folder_of_models(text: str) -> None:
    with pytest.raises(ConfigError):
        asyncio.run(sources_of(Web({}), text))


def test_a_split_model_is_all_its_parts() -> None:
    names = [f"x/big-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    assert parts_of(names[1]) == names
    assert parts_of("big.gguf") == ["big.gguf"]
    for impossible in ("big-00004-of-00003.gguf", "big-00001-of-99999.gguf"):
        with pytest.raises(ModelError):
            parts_of(impossible)


@pytest.mark.parametrize(
    ("file", "quantisation"),
    [
        ("Qwen3-4B-Q4_K_M.gguf", "Q4_K_M"),
        ("qwen2.5-0.5b-instruct-q8_0.gguf", "Q8_0"),
        ("model-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"),
        ("gpt-oss-20b-mxfp4.gguf", "MXFP4"),
        ("x.IQ4_XS.gguf", "IQ4_XS"),
        ("BF16/big-00001-of-00002.gguf", "BF16"),
        ("big-Q3_K_L-00001-of-00002.gguf", "Q3_K_L"),
        ("plain.gguf", ""),
        ("f16-tower.gguf", "F16"),
    ],
)
def test_the_name_tells_the_quantisation(file: str, quantisation: str) -> None:
    assert quantisation_of(file) == quantisation


def test_four_bits_are_chosen_unless_another_is_named() -> None:
    files = {name: name for name in ("Q2_K", "Q8_0", "Q4_K_M", "F16")}
    assert choose(files, "") == "Q4_K_M"
    assert choose(files, "q8_0") == "Q8_0"
    assert choose({"Q2_K": "", "Q1_0": ""}, "") == "Q2_K"
    with pytest.raises(ModelError) as failed:
        choose(files, "Q4_K_S")
    assert "Q4_K_M" in failed.value.hint


def fill(hub: Hub, *names: str) -> None:
    for name in names:
        hub.add(f"them/some/{name}", b"GGUF" + name.encode())


async def chosen(hub: Hub, text: str) -> tuple[list[str], str]:
    async with Web({"HF_ENDPOINT": hub.address}) as web:
        choice = await sources_of(web, text)
        return ["/".join(source.place[2:]) for source in choice.sources], choice.said


async def test_a_repository_is_listed_and_its_best_file_taken(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        fill(hub, "m-Q2_K.gguf", "m-Q4_K_M.gguf", "mmproj-m-F16.gguf", "README.md")
        fill(hub, "Q8_0/m-Q8_0-00001-of-00002.gguf", "Q8_0/m-Q8_0-00002-of-00002.gguf")
        assert await chosen(hub, "hf:them/some") == (
            ["m-Q4_K_M.gguf"],
            "taking Q4_K_M of Q2_K, Q4_K_M, Q8_0; name another as hf:them/some:NAME",
        )
        files, _ = await chosen(hub, "hf:them/some:q8_0")
        assert files == ["Q8_0/m-Q8_0-00001-of-00002.gguf", "Q8_0/m-Q8_0-00002-of-00002.gguf"]
        async with Web({"HF_ENDPOINT": hub.address}) as web:
            (source,) = (await sources_of(web, "hf:them/some:Q2_K")).sources
        assert source.url == f"{hub.address}/them/some/resolve/{COMMIT}/m-Q2_K.gguf"
        assert (source.size, len(source.sha256)) == (15, 64)


async def test_a_repository_without_models_says_so(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        fill(hub, "model.safetensors")
        with pytest.raises(ModelError, match="has no GGUF file"):
            await chosen(hub, "hf:them/some")


async def test_a_split_model_that_lacks_a_part_is_refused(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        fill(hub, "m-Q8_0-00001-of-00002.gguf")
        with pytest.raises(ModelError, match="lacks"):
            await chosen(hub, "hf:them/some")


async def test_a_hub_that_lists_nonsense_is_an_error(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        hub.habits.statuses.append(("hub", 200, {"Content-Type": "text/html"}))
        with pytest.raises(ChattermError, match="not JSON"):
            await chosen(hub, "hf:them/some")


@pytest.mark.parametrize("address", ["ftp://x", "huggingface.co", "https://"])
def test_a_hub_must_have_an_address(address: str) -> None:
    with pytest.raises(ConfigError, match="HF_ENDPOINT"):
        hub_address({"HF_ENDPOINT": address})
