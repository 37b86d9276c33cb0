"""The test models are real ones: llama.cpp loads them, and they talk as promised."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chatterm.engine.gguf import read_header
from tests.ggufs import make_bert, make_gguf, truncated

PROMPT = "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"
TEXTS = [
    "Hello world, how are you?",
    "  two spaces\n\n\tand a tab ",
    "naïve café, Straße, привет, 你好 🙂🚀 e\u0301",
    "\x00\x01\x7f\ufeff\uffff",
    "x" * 300,
]


def talk(model: Path, **wish: Any) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bare_llama", str(model)],
        input=json.dumps(wish),
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "GGML_NO_BACKTRACE": "1"},
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"quant": "F16", "add_bos": True},
        {"quant": "Q8_0", "chat_template": None},
        {"tokenizer": "spm", "add_bos": True},
        {"arch": "gemma3", "layers": 6},
        {"arch": "mamba"},
        {"layers": 3, "heads": 4, "kv_heads": 2, "vocab": 512, "seed": 7},
    ],
    ids=str,
)
def test_a_model_loads_and_its_greedy_text_is_long_and_varied(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    model = make_gguf(tmp_path / "m.gguf", **options)
    read_header(model)
    said = talk(model, texts=TEXTS, prompt=PROMPT, steps=300)
    assert said["texts"] == TEXTS
    assert max(said["counts"][:3]) < 60
    assert len(said["tokens"]) == 300
    assert len(set(said["tokens"][200:])) > 40
    assert "\N{REPLACEMENT CHARACTER}" not in said["text"]
    assert "<|" not in said["text"]
    assert said["load_s"] < 2


def test_special_tokens_are_single_tokens(tmp_path: Path) -> None:
    model = make_gguf(tmp_path / "m.gguf")
    texts = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<think>", "</tool_call>"]
    assert talk(model, texts=texts)["counts"] == [1] * 5


def test_a_model_ends_when_it_is_told_to(tmp_path: Path) -> None:
    lengths = set()
    for seed in range(4):
        model = make_gguf(tmp_path / "m.gguf", ends=0.05, seed=seed)
        said = talk(model, prompt=PROMPT, steps=1000)
        assert said["text"].endswith("<|im_end|>")
        lengths.add(len(said["tokens"]))
    assert len(lengths) > 1
    assert max(lengths) < 1000


def test_a_token_can_be_made_certain(tmp_path: Path) -> None:
    model = make_gguf(tmp_path / "m.gguf", bias={"</think>": 2.0})
    assert talk(model, prompt=PROMPT, steps=3)["text"] == "</think>" * 3


def test_the_same_seed_makes_the_same_file(tmp_path: Path) -> None:
    first, same, other = (
        make_gguf(tmp_path / f"{n}.gguf", seed=seed).read_bytes()
        for n, seed in enumerate((1, 1, 2))
    )
    assert first == same != other


@pytest.mark.parametrize("kind", ["bert", "mean", "last"])
def test_an_embedding_model_tells_texts_apart(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "m.gguf"
    model = make_bert(path) if kind == "bert" else make_gguf(path, pooling=1 + 2 * (kind == "last"))
    read_header(model)
    hello, other, again = talk(
        model, embed=["hello", "the weather", "hello"], options={"embeddings": True}
    )["embeddings"]
    assert len(hello) == 64
    assert hello == again
    assert sum(abs(a - b) for a, b in zip(hello, other, strict=True)) > 1


def test_broken_models_are_refused(tmp_path: Path) -> None:
    whole = make_gguf(tmp_path / "m.gguf")
    for broken in (
        truncated(whole, tmp_path / "cut.gguf", -5000),
        make_gguf(tmp_path / "unknown.gguf", arch="nonesuch"),
    ):
        with pytest.raises(RuntimeError, match="does not load"):
            talk(broken)
