"""Real tokenizers for test models: byte-level BPE, SentencePiece and WordPiece.

Merges are trained here, on a few sentences, so nothing is fetched; the first two bring back any
UTF-8 text they are given. They know ChatML's control tokens and the tags of reasoning and tools.
"""

from __future__ import annotations

import functools
import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import gguf

_CONTROL: Final = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_USER_DEFINED: Final = ("<think>", "</think>", "<tool_call>", "</tool_call>")

_SAMPLE: Final = """
The quick brown fox jumps over the lazy dog while seven old wizards watch from the garden wall.
A small model cannot know much, but it can talk all day long about nothing in particular, and that
is what these tests want: words which come and go, lines that end, and sentences nobody has read
before. When the morning light reached the harbour, the fishermen were already talking about the
weather, the price of bread, and the strange ship that had come in during the night without a name.
Every program begins with a question. What should happen when the answer never comes? Who waits,
who gives up, and who tells the person in front of the screen? Good software keeps its promises;
better software makes few of them. There are three numbers on the table: one, two and twelve. You
could add them together, or you could leave them there and go outside for a walk under the trees.
def main(path, size=0): return [line for line in open(path) if len(line) > size]
import this, then write some functions, classes, values and a few short comments into the file.
Le petit café près de la forêt était fermé; die Straße über den Fluß führt nach Süden. El niño
comió una manzana. Привет, как дела? Всё хорошо. Καλημέρα κόσμε. 你好世界。 こんにちは 🙂🙂 🚀
"""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the tokenizer keys of a GGUF file say."""

    model: str
    """``gpt2`` for byte-level BPE, ``llama`` for SentencePiece, ``bert`` for WordPiece."""
    tokens: tuple[str, ...]
    """As the file has them: byte-level characters, or pieces with U+2581 for a space."""
    types: tuple[int, ...]
    merges: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    pre: str = "gpt-2"
    bos: int = 0
    eos: int = 0
    eot: int | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def id(self, token: str) -> int:
        return self.tokens.index(token)


def bytes_of(token: str) -> bytes:
    """What a token of a byte-level vocabulary stands for."""
    return bytes(_byte_of()[letter] for letter in token)


def byte_level(text: str) -> str:
    return "".join(_letters()[byte] for byte in text.encode())


@functools.cache
def bpe_vocabulary(size: int = 768, pre: str = "gpt-2") -> Vocabulary:
    """Byte-level BPE with ChatML's control tokens and the usual tags of reasoning and tools."""
    special = (*_CONTROL, *_USER_DEFINED)
    letters = list(_letters())
    merges = train_merges(_sample_words(), size - len(special) - len(letters))
    return bpe_from_merges(merges, size, pre)


def bpe_from_merges(merges: Sequence[tuple[str, str]], size: int, pre: str) -> Vocabulary:
    special = (*_CONTROL, *_USER_DEFINED)
    tokens = [*_letters(), *dict.fromkeys(a + b for a, b in merges)]
    spare = [f"<|spare_{n}|>" for n in range(size - len(tokens) - len(special))]
    types = [gguf.TokenType.NORMAL] * len(tokens)
    types += [gguf.TokenType.CONTROL] * len(_CONTROL)
    types += [gguf.TokenType.USER_DEFINED] * len(_USER_DEFINED)
    types += [gguf.TokenType.UNUSED] * len(spare)
    first = len(tokens)
    return Vocabulary(
        model="gpt2",
        tokens=(*tokens, *special, *spare),
        types=tuple(int(kind) for kind in types),
        merges=tuple(f"{a} {b}" for a, b in merges),
        pre=pre,
        bos=first,
        eos=first + 2,
        eot=first + 2,
    )


@functools.cache
def spm_vocabulary(size: int = 768) -> Vocabulary:
    """SentencePiece with byte fallback, a space in front of a text, and ChatML's tokens."""
    special = (*_CONTROL, *_USER_DEFINED)
    words = Counter("\u2581" + word for word in _SAMPLE.split())
    letters = sorted({letter for word in words for letter in word})
    raw = [f"<0x{byte:02X}>" for byte in range(256)]
    room = size - 3 - len(raw) - len(letters) - len(special)
    pieces = [*dict.fromkeys(a + b for a, b in train_merges(words, room)), *letters]
    pieces += [f"<|spare_{n}|>" for n in range(room + len(letters) - len(pieces))]
    kinds = gguf.TokenType
    types = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL, *[kinds.BYTE] * len(raw)]
    types += [kinds.NORMAL] * len(pieces)
    types += [kinds.CONTROL] * len(_CONTROL) + [kinds.USER_DEFINED] * len(_USER_DEFINED)
    tokens = ("<unk>", "<s>", "</s>", *raw, *pieces, *special)
    return Vocabulary(
        model="llama",
        tokens=tokens,
        types=tuple(int(kind) for kind in types),
        scores=tuple(-float(number) for number in range(len(tokens))),
        bos=1,
        eos=2,
        eot=tokens.index("<|im_end|>"),
    )


def train_merges(words: Mapping[str, int], count: int) -> list[tuple[str, str]]:
    """The merges of byte-pair encoding, most frequent pair first; at most ``count`` new tokens."""
    splits = [list(word) for word in words]
    weights = list(words.values())
    pairs: Counter[tuple[str, str]] = Counter()
    places: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for number, split in enumerate(splits):
        for pair in itertools.pairwise(split):
            pairs[pair] += weights[number]
            places[pair].add(number)
    heap = [(-total, pair) for pair, total in pairs.items()]
    heapq.heapify(heap)
    merges: list[tuple[str, str]] = []
    made: set[str] = set()
    while heap and len(made) < count:
        total, pair = heapq.heappop(heap)
        if -total != pairs[pair] or total == 0:
            continue
        merges.append(pair)
        made.add(pair[0] + pair[1])
        for changed in _merge(pair, splits, weights, pairs, places):
            heapq.heappush(heap, (-pairs[changed], changed))
    return merges


def _merge(
    pair: tuple[str, str],
    splits: list[list[str]],
    weights: Sequence[int],
    pairs: Counter[tuple[str, str]],
    places: defaultdict[tuple[str, str], set[int]],
) -> set[tuple[str, str]]:
    """Join ``pair`` wherever it stands; the pairs whose totals that changed."""
    change: defaultdict[tuple[str, str], int] = defaultdict(int)
    for number in places.pop(pair):
        before, weight = splits[number], weights[number]
        after = splits[number] = join(before, pair)
        for other in itertools.pairwise(before):
            change[other] -= weight
        for other in itertools.pairwise(after):
            change[other] += weight
            places[other].add(number)
    changed = {other for other, difference in change.items() if difference}
    for other in changed:
        pairs[other] += change[other]
    return changed - {pair}


def join(parts: Sequence[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    for part in parts:
        if joined and (joined[-1], part) == pair:
            joined[-1] += part
        else:
            joined.append(part)
    return joined


@functools.cache
def bert_vocabulary(size: int = 512) -> Vocabulary:
    """WordPiece, in lower case; U+2581 marks the begin of a word, as llama.cpp wants it."""
    words = Counter("\u2581" + word for word in _SAMPLE.lower().split() if word.isalpha())
    letters = sorted({letter for word in words for letter in word[1:]})
    pieces = [*letters, *("\u2581" + letter for letter in letters)]
    pieces += [a + b for a, b in train_merges(words, size - 5 - len(pieces))]
    pieces = [*dict.fromkeys(pieces)]
    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    types = [gguf.TokenType.CONTROL] * len(special) + [gguf.TokenType.NORMAL] * len(pieces)
    return Vocabulary(
        model="bert",
        tokens=(*special, *pieces),
        types=tuple(int(kind) for kind in types),
        bos=2,
        eos=3,
    )


@functools.cache
def _letters() -> tuple[str, ...]:
    """The visible character that stands for each byte in a byte-level vocabulary."""
    visible = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(256, 512))
    return tuple(chr(byte if byte in visible else next(others)) for byte in range(256))


@functools.cache
def _byte_of() -> dict[str, int]:
    return {letter: byte for byte, letter in enumerate(_letters())}


def _sample_words() -> Counter[str]:
    return Counter(byte_level(" " + word) for word in _SAMPLE.split())
