"""The model that benchmarks run on: random weights of about 400 M parameters, in Q4_K_M.

It has the shape and the speed of a small model of today and needs no download. Greedy text is
varied and never ends by itself, so a benchmark always gets the tokens it asks for. A model is
built once and found again by the hash of its recipe; the two used last are kept.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import gguf

from chatterm.engine.gguf import read_header
from tests.ggufs import CHATML, Model, Shape, Taste, add_metadata, readable, write_tensors
from tests.vocabularies import Vocabulary, bpe_from_merges, byte_level, join, train_merges

FOLDER: Final = Path(__file__).parent / "models"
_KEPT: Final = 2
_Q4_K_M: Final = 15


@dataclass(frozen=True, slots=True)
class Recipe:
    """Every change here makes another file; a change of the code that reads it raises ``version``.

    Rows are multiples of 256, or the K-quants would fall back to others.
    """

    shape: Shape = field(default_factory=lambda: Shape(24, 1024, 16, 8, 3584, 32_768))
    # less rounding noise than the test models need to bear: four bits in 24 layers make plenty
    taste: Taste = field(default_factory=lambda: Taste(attention=1.0, context=0.5, habit=8.0))
    vocabulary: int = 32_768
    words: int = 20_000
    seed: int = 1
    version: int = 1

    @property
    def name(self) -> str:
        digest = hashlib.sha256(repr(asdict(self)).encode()).hexdigest()
        return f"random-{digest[:12]}.gguf"


def benchmark_model(folder: Path = FOLDER, recipe: Recipe | None = None) -> Path:
    """The model's file; the first call takes a minute or two."""
    recipe = recipe or Recipe()
    path = folder / recipe.name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        plain = path.with_suffix(f".{os.getpid()}.f16")
        packed = path.with_suffix(f".{os.getpid()}.q4")
        try:
            _write_plain(plain, recipe)
            # quantising leaves its buffers behind, and a benchmark measures memory
            command = [sys.executable, "-m", "benchmarks.model", str(plain), str(packed)]
            done = subprocess.run(
                command, cwd=Path(__file__).parent.parent, capture_output=True, text=True
            )
            if done.returncode:
                raise RuntimeError(done.stderr[-2000:])
            packed.replace(path)
        finally:
            plain.unlink(missing_ok=True)
            packed.unlink(missing_ok=True)
    path.touch()
    _drop_old(folder)
    return path


def prompt_of(tokens: int, *, seed: int = 0) -> str:
    """Text of exactly ``tokens`` tokens in the vocabulary of the model, special ones not counted.

    A longer text of the same ``seed`` begins with the shorter one; other seeds share nothing
    but the first letter.
    """
    rng = random.Random(seed)
    words = _single_words(Recipe(), FOLDER)
    parts = ["I"]
    for number in itertools.count(1):
        if len(parts) >= tokens:
            break
        parts.append("." if number % 12 == 0 else " " + rng.choice(words))
    return "".join(parts[:tokens])


def _write_plain(path: Path, recipe: Recipe) -> None:
    words = _vocabulary(recipe)
    writer = gguf.GGUFWriter(path, "llama")
    add_metadata(writer, recipe.shape, words, name="Random 400M")
    writer.add_file_type(1)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHATML)
    model = Model(recipe.shape, words, readable(words), seed=recipe.seed, taste=recipe.taste)
    write_tensors(writer, model.llama(), "F16")


def _quantise(source: Path, target: Path) -> None:
    import llama_cpp as llama

    params = llama.llama_model_quantize_default_params()
    params.ftype = _Q4_K_M
    params.nthread = 2
    names = str(source).encode(), str(target).encode()
    if llama.llama_model_quantize(*names, params):
        raise RuntimeError(f"llama.cpp does not quantise {source}")


def _drop_old(folder: Path) -> None:
    models = sorted(folder.glob("random-*.gguf"), key=lambda path: path.stat().st_mtime)
    for path in models[:-_KEPT]:
        path.unlink(missing_ok=True)
        path.with_suffix(".words").unlink(missing_ok=True)


@functools.lru_cache(maxsize=1)
def _vocabulary(recipe: Recipe) -> Vocabulary:
    counts = Counter({byte_level(f" {word}"): n for word, n in _invented_words(recipe).items()})
    special = 7
    merges = train_merges(counts, recipe.vocabulary - 256 - special)
    return bpe_from_merges(merges, recipe.vocabulary, "gpt-2")


def _invented_words(recipe: Recipe) -> Counter[str]:
    """Pronounceable words, the first ones more frequent, as in a language."""
    rng = random.Random(recipe.seed)
    onsets = "b c d f g h j k l m n p r s t v w z br ch cl cr dr fl gr pl pr sh sl sp st str th tr"
    vowels = "a e i o u a e i o ai ea ee oo ou"
    codas = ", , , ,n,r,s,t,l,m,d,nd,st,ck,ng,rt"
    starts, middles, ends = onsets.split(), vowels.split(), [c.strip() for c in codas.split(",")]
    words: Counter[str] = Counter()
    while len(words) < recipe.words:
        syllables = rng.choice((1, 2, 2, 2, 3, 3, 4))
        word = "".join(
            rng.choice(starts) + rng.choice(middles) + rng.choice(ends) for _ in range(syllables)
        )
        words[word] += 1 + 2000 // (len(words) + 1)
    return words


@functools.lru_cache(maxsize=1)
def _single_words(recipe: Recipe, folder: Path) -> Sequence[str]:
    """The invented words that are one token each behind a space.

    They lie beside the model: training the vocabulary again takes some seconds.
    """
    path = folder / recipe.name.replace(".gguf", ".words")
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}.words")
        draft.write_text("\n".join(_find_single_words(recipe)))
        draft.replace(path)
    return path.read_text().split()


def _find_single_words(recipe: Recipe) -> Iterator[str]:
    vocabulary = _vocabulary(recipe)
    known = set(vocabulary.tokens)
    ranks = {tuple(merge.split(" ")): rank for rank, merge in enumerate(vocabulary.merges)}
    for word in _invented_words(recipe):
        token = byte_level(f" {word}")
        if token in known and len(_encode(token, ranks)) == 1:
            yield word


def _encode(word: str, ranks: dict[tuple[str, ...], int]) -> Sequence[str]:
    parts: Sequence[str] = list(word)
    while len(parts) > 1:
        best = min(itertools.pairwise(parts), key=lambda pair: ranks.get(pair, len(ranks)))
        if best not in ranks:
            break
        parts = join(parts, best)
    return parts


def main() -> None:
    if len(sys.argv) == 3:
        _quantise(Path(sys.argv[1]), Path(sys.argv[2]))
        return
    start = time.perf_counter()
    header = read_header(benchmark_model())
    print(header.path)
    print(
        f"{header.file_size:,} bytes, {header.weights.parameters:,} parameters, "
        f"{header.quantisation}, {time.perf_counter() - start:.1f} s"
    )


if __name__ == "__main__":
    main()
