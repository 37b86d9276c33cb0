"""What the store costs at a size that years of use would reach.

A million messages in a hundred thousand chats, with words as frequent as in real texts. A bar is
what the figure must stay under, at the median or at p95 as its line says.
"""

from __future__ import annotations

import itertools
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from chatterm.ids import encode_ulid, ulid_factory
from chatterm.messages import Role
from chatterm.store import Store
from chatterm.store.exchange import formats

MESSAGES = 1_000_000
CHATS = 100_000
LONG_CHAT = 10_000
WORDS_PER_MESSAGE = 30
VOCABULARY = 60_000
YEARS = 3

_ONSETS = [*"bcdfghklmnprstvw", "tr", "st", "pl", "sh"]
_SYLLABLES = [onset + vowel for onset in _ONSETS for vowel in "aeiou"]
_ENDINGS = ["", "n", "r", "s", "t", "ing", "ed", "er", "tion", "ly"]
_MODELS = ["qwen2.5-7b-instruct", "llama-3.1-8b", "remote/gpt-4.1", "guide", "echo"]


def main(scale: float = 1.0) -> None:
    """Build the database, measure, print a table; the bars are for a scale of 1."""
    sizes = _sizes(scale)
    with tempfile.TemporaryDirectory(prefix="chatterm-bench-") as folder:
        path = Path(folder) / "chatterm.db"
        started = time.perf_counter()
        corpus = Corpus(random.Random(7), sizes)
        corpus.build(path)
        seconds, megabytes = time.perf_counter() - started, path.stat().st_size / 1e6
        print(f"built {sizes[0]:,} messages in {sizes[1]:,} chats", end="")
        print(f" in {seconds:.0f} s, {megabytes:,.0f} MB")
        print(f"{'figure':<44}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}{'bar ms':>9}")
        _measure_opening(path)
        with _open(path) as store:
            _measure_adding(store)
            _measure_reading(store, corpus)
            _measure_lists(store, corpus)
            _measure_searches(store, corpus)
            _measure_files(store, corpus)
            doomed = store.chats(limit=2)
            _report("remove a chat for good", lambda i: store.delete_forever(doomed[i].id), 2)


class Corpus:
    """Chats made of invented words whose frequencies follow Zipf's law."""

    def __init__(self, rng: random.Random, sizes: tuple[int, int, int]) -> None:
        self.messages, self.chats, self.long_chat = sizes
        self._rng = rng
        self.words = self._invent()
        self._weights = list(
            itertools.accumulate(1 / (rank + 2.7) for rank in range(len(self.words)))
        )
        self.long_chat_id = ""
        self.now = time.time()

    def build(self, path: Path) -> None:
        """Fill a new file, without the durability that the figures are about."""
        _open(path).close()
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous = OFF")
            db.execute("PRAGMA cache_size = -400000")
            chats = self._lengths()
            rows = self._rows(chats)
            while batch := list(itertools.islice(rows, 50_000)):
                db.execute("BEGIN")
                db.executemany(
                    "INSERT INTO messages (n, id, chat_id, parent_id, role, text, state, model,"
                    " created_at, visited_at) VALUES (?, ?, ?, ?, ?, ?, 'complete', ?, ?, ?)",
                    batch,
                )
                db.execute("COMMIT")
            self._finish_chats(db)

    def _lengths(self) -> list[int]:
        mean = (self.messages - self.long_chat) // (self.chats - 1)
        lengths = [self._rng.randint(1, 2 * mean - 1) for _ in range(self.chats - 1)]
        lengths.insert(self.chats // 2, self.long_chat)
        return lengths

    def _rows(self, lengths: list[int]) -> Iterator[tuple[object, ...]]:
        step = YEARS * 365 * 86_400_000 // (sum(lengths) + 1)
        number = int(self.now * 1000) - step * (sum(lengths) + 1)
        for length in lengths:
            chat_id = encode_ulid(number, self._rng.getrandbits(80))
            if length == self.long_chat:
                self.long_chat_id = chat_id
            parent_id = None
            model = self._rng.choices(_MODELS, [50, 30, 15, 4, 1])[0]
            for position in range(length):
                number += step
                message_id = encode_ulid(number, self._rng.getrandbits(80))
                role, by = ("user", "") if position % 2 == 0 else ("assistant", model)
                at = number / 1000
                yield (number, message_id, chat_id, parent_id, role, self.text(), by, at, at)
                parent_id = message_id

    def _finish_chats(self, db: sqlite3.Connection) -> None:
        title = " ".join
        db.create_function("title", 0, lambda: title(self._draw(5)))
        db.execute("BEGIN")
        db.execute(
            "INSERT INTO chats (id, title, title_key, tip_id, model, created_at, updated_at)"
            " SELECT chat_id, title() AS t, '', id, max(model), min(created_at), max(n) / 1000.0"
            " FROM messages GROUP BY chat_id"
        )
        db.execute("UPDATE chats SET title_key = title")
        db.execute("INSERT INTO chat_tags SELECT 'often', id FROM chats WHERE rowid % 10 = 0")
        db.execute("INSERT INTO chat_tags SELECT 'seldom', id FROM chats WHERE rowid % 1000 = 0")
        db.execute("COMMIT")

    def text(self) -> str:
        return " ".join(self._draw(self._rng.randint(5, 2 * WORDS_PER_MESSAGE - 5)))

    def word(self, low: int, high: int) -> str:
        """A word of that range of ranks."""
        return self.words[self._rng.randrange(low, min(high, len(self.words)))]

    def _draw(self, count: int) -> list[str]:
        return self._rng.choices(self.words, cum_weights=self._weights, k=count)

    def _invent(self) -> list[str]:
        found: dict[str, None] = {}
        while len(found) < VOCABULARY:
            syllables = self._rng.choices(_SYLLABLES, k=self._rng.choice([1, 2, 2, 3, 3, 4]))
            found["".join(syllables) + self._rng.choice(_ENDINGS)] = None
        # Short words are the frequent ones, in every language.
        return sorted(found, key=lambda word: len(word) + self._rng.random() * 4)


def _measure_opening(path: Path) -> None:
    _report("open and close an up-to-date file", lambda _: _open(path).close(), 50, bar=20)


def _measure_adding(store: Store) -> None:
    chat = store.create_chat(title="bench")
    tip: list[str | None] = [None]

    def add(i: int) -> None:
        text = f"prompt {i} " + "with some thirty words of text " * 5
        tip[0] = store.add(chat.id, parent_id=tip[0], role=Role.USER, text=text).id

    _report("commit a prompt", add, 1000, bar=5)


def _measure_reading(store: Store, corpus: Corpus) -> None:
    path = store.path(corpus.long_chat_id)
    assert len(path) == corpus.long_chat
    _report(
        f"path of a chat of {len(path):,} messages",
        lambda _: store.path(corpus.long_chat_id),
        20,
        bar=50,
        judged=statistics.median,
    )
    _report("outline of it", lambda _: store.outline(corpus.long_chat_id), 20)


def _measure_lists(store: Store, corpus: Corpus) -> None:
    last = store.chats(limit=50)[-1]
    part = last.title.split()[0][:4]
    _report("page of 50 chats", lambda _: store.chats(limit=50), 50, bar=20)
    _report("next page", lambda _: store.chats(limit=50, before=last), 50, bar=20)
    _report("page with a frequent tag", lambda _: store.chats(limit=50, tag="often"), 20, bar=20)
    _report("page with a rare model", lambda _: store.chats(limit=50, model="echo"), 20, bar=20)
    _report(
        "page with a part of the title", lambda _: store.chats(limit=50, title=part), 20, bar=20
    )
    word = corpus.word
    _report("page with a rare word", lambda _: store.chats(text=word(5_000, 60_000)), 10)
    _report("page with a common word", lambda _: store.chats(text=word(0, 200)), 5)
    _report("page with a title nobody has", lambda _: store.chats(title="xyzzy"), 20, bar=20)
    _report("chat by a part of its id", lambda _: store.find_chat(last.id[-8:]), 20, bar=20)


def _measure_files(store: Store, corpus: Corpus) -> None:
    """Chats to text and back; the long one has a hundredth of all messages."""
    ids = [chat.id for chat in store.chats(limit=1000)]
    long = [store.portable(corpus.long_chat_id)]

    def export(form: str, chats: list[str], _: int) -> None:
        for _piece in formats.writer(form)(map(store.portable, chats)):
            pass

    for form in formats.WRITTEN:
        _report(f"export {len(ids):,} chats as {form}", partial(export, form, ids), 2)

    def import_(_: int) -> None:
        with Store.open(None, clock=time.time, new_id=ulid_factory()) as empty:
            empty.import_chats(long)

    _report(f"import a chat of {corpus.long_chat:,} messages", import_, 2)
    _report("import it again", lambda _: store.import_chats(long), 2)


def _measure_searches(store: Store, corpus: Corpus) -> None:
    """Every kind alone, then all together: the bar is for the mix."""
    word = corpus.word
    kinds: dict[str, Callable[[], str]] = {
        "a rare word": lambda: word(5_000, 60_000),
        "a common word": lambda: word(0, 200),
        "two common words": lambda: f"{word(0, 200)} {word(0, 200)}",
        "a common and a rare word": lambda: f"{word(0, 50)} {word(2_000, 60_000)}",
        "a phrase": lambda: f'"{word(0, 300)} {word(0, 300)}"',
        "a prefix of two": lambda: word(0, 60_000)[:2] + "*",
        "a prefix of three": lambda: word(0, 60_000)[:3] + "*",
        "a prefix of four": lambda: word(0, 60_000)[:4] + "*",
        "a prefix of a common word": lambda: word(200, 1_000)[:4] + "*",
        "a phrase of the commonest": lambda: f'"{word(0, 20)} {word(0, 20)}"',
        "a common word and role:": lambda: f"role:user {word(0, 100)}",
        "a common word and model:echo": lambda: f"model:echo {word(0, 100)}",
        "a common word and tag:seldom": lambda: f"tag:seldom {word(0, 100)}",
        "a common word and tag:often": lambda: f"tag:often {word(0, 100)}",
        "a word and since:30d": lambda: f"since:30d {word(50, 1_000)}",
        "a common word and before:700d": lambda: f"before:700d {word(0, 100)}",
        "a common word and a rare title": lambda: f"title:{word(5_000, 60_000)} {word(0, 100)}",
        "a common word and a title": lambda: f"title:{word(0, 50)} {word(0, 100)}",
        "a word nobody wrote": lambda: "xyzzy" + word(0, 60_000),
    }
    mixed: list[float] = []
    for name, make in kinds.items():
        lines = [make() for _ in range(40)]
        search = partial(_search, store, lines)
        mixed += _report(f"search: {name}", search, len(lines))
    _print("search: all of these", mixed, bar=50)


def _search(store: Store, lines: list[str], i: int) -> object:
    return store.search(lines[i])


def _open(path: Path) -> Store:
    return Store.open(path, clock=time.time, new_id=ulid_factory())


def _p95(taken: list[float]) -> float:
    return statistics.quantiles(taken, n=20)[-1]


def _report(
    name: str,
    action: Callable[[int], object],
    times: int,
    bar: float | None = None,
    judged: Callable[[list[float]], float] = _p95,
) -> list[float]:
    taken = []
    for i in range(times):
        started = time.perf_counter()
        action(i)
        taken.append((time.perf_counter() - started) * 1000)
    _print(name, taken, bar, judged)
    return taken


def _print(
    name: str,
    taken: list[float],
    bar: float | None = None,
    judged: Callable[[list[float]], float] = _p95,
) -> None:
    line = f"{name:<44}{statistics.median(taken):>9.2f}{_p95(taken):>9.2f}{max(taken):>9.2f}"
    if bar is not None:
        line += f"{bar:>9.0f}  {'p95' if judged is _p95 else 'p50'}"
        line += "" if judged(taken) < bar else "  over the bar"
    print(line, flush=True)


def _sizes(scale: float) -> tuple[int, int, int]:
    return int(MESSAGES * scale), int(CHATS * scale), int(LONG_CHAT * scale)


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
