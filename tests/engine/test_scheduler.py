"""Whatever happens around it, an answer is the one its client would get alone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from chatterm.engine.batch import BatchItem
from chatterm.engine.kvcache import PrefixCache, Room
from chatterm.engine.pace import Pace
from chatterm.engine.scheduler import Job, Scheduler
from chatterm.engine.snapshots import Snapshots
from chatterm.errors import EngineError
from chatterm.messages import Stop
from chatterm.params import Params
from tests.clocks import Clock
from tests.engine.fake_runtime import (
    FakeChooser,
    FakeClient,
    FakePicture,
    FakeRuntime,
    alone,
    params,
)


class Bench:
    """A scheduler over the fake runtime."""

    def __init__(
        self,
        *,
        context: int = 64,
        chunk: int = 8,
        sequences: int = 3,
        keeps_any_prefix: bool = True,
        snapshots: Snapshots | None = None,
        idle_tokens: int = 20,
        parked_bytes: int = 300,
    ) -> None:
        clock = Clock()
        self.runtime = FakeRuntime(context, chunk, keeps_any_prefix)
        room = Room(sequences, idle_tokens, parked_bytes)
        self.cache = PrefixCache(self.runtime, room, snapshots, clock)
        self.scheduler = Scheduler(self.runtime, self.cache, Pace(2, clock), clock)

    def submit(self, prompt: list[int], limit: int = 6) -> tuple[Job, FakeClient]:
        client = FakeClient()
        asked = params(limit)
        chooser = FakeChooser(self.runtime)
        pictures = pictures_in(prompt)
        job = self.scheduler.submit(prompt, asked, client, chooser, pictures=pictures)
        return job, client

    def run(self, steps: int = 10_000) -> None:
        for _ in range(steps):
            if not self.scheduler.busy:
                return
            self.scheduler.step()
        raise AssertionError("it never came to rest")

    def answer(self, prompt: list[int], limit: int = 6) -> FakeClient:
        _, client = self.submit(prompt, limit)
        self.run()
        return client


def pictures_in(prompt: list[int]) -> dict[int, FakePicture]:
    """Negative numbers stand for pictures, each of two positions."""
    places = [at for at, token in enumerate(prompt) if token < 0 and token % 2 == 0]
    return {at: FakePicture(prompt[at : at + 2]) for at in places}


WORDS = st.lists(st.integers(1, 9), min_size=1, max_size=14)
PICTURES = st.sampled_from([[-2, -3], [-4, -5]])
PROMPTS = st.one_of(
    WORDS,
    st.builds(lambda before, seen, after: [*before, *seen, *after], WORDS, PICTURES, WORDS),
)
ACTIONS = st.one_of(
    st.tuples(st.just("ask"), PROMPTS, st.integers(1, 12)),
    st.tuples(st.just("go on"), st.integers(0, 9), PROMPTS),
    st.tuples(st.just("stop"), st.integers(0, 9), st.none()),
    st.tuples(st.just("vanish"), st.integers(0, 9), st.none()),
    st.tuples(st.just("evict"), st.none(), st.none()),
    st.tuples(st.just("save"), st.none(), st.none()),
    st.tuples(st.just("step"), st.integers(1, 5), st.none()),
)


class Story:
    """Plays a list of actions and remembers what everybody should have got."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.asked: list[tuple[list[int], int, Job, FakeClient]] = []
        self.stopped: set[FakeClient] = set()

    def play(self, actions: list[tuple[str, object, object]]) -> None:
        for name, first, second in actions:
            step: Callable[[object, object], None] = getattr(self, f"_{name.replace(' ', '_')}")
            step(first, second)
        self.bench.run()

    def _ask(self, prompt: object, limit: object) -> None:
        assert isinstance(prompt, list)
        assert isinstance(limit, int)
        job, client = self.bench.submit(prompt, limit)
        self.asked.append((prompt, limit, job, client))

    def _go_on(self, which: object, more: object) -> None:
        """The next turn of a chat whose answer is complete."""
        assert isinstance(which, int)
        assert isinstance(more, list)
        done = [(prompt, client) for prompt, _, _, client in self.asked if client.over]
        if done:
            prompt, client = done[which % len(done)]
            turn = [*prompt, *client.tokens, *more][-40:]
            # Half a picture is none.
            self._ask(turn[1:] if turn[0] < 0 and turn[0] % 2 else turn, 5)

    def _stop(self, which: object, _: object) -> None:
        assert isinstance(which, int)
        if self.asked:
            _, _, job, client = self.asked[which % len(self.asked)]
            if not client.over and client not in self.stopped:
                self.bench.scheduler.cancel(job)
                self.stopped.add(client)

    def _vanish(self, which: object, _: object) -> None:
        """A client that is seen to be gone in the middle of a batch, and cancelled after it."""
        assert isinstance(which, int)
        if self.asked:
            _, _, job, client = self.asked[which % len(self.asked)]
            if not client.over and client not in self.stopped:
                client.gone = True
                self.bench.scheduler.step()
                if not client.over:
                    self.bench.scheduler.cancel(job)
                self.stopped.add(client)

    def _evict(self, *_: object) -> None:
        self.bench.cache.evict_one()

    def _save(self, *_: object) -> None:
        self.bench.cache.save_all()

    def _step(self, count: object, _: object) -> None:
        assert isinstance(count, int)
        for _number in range(count):
            self.bench.scheduler.step()

    def check(self) -> None:
        context = self.bench.runtime.context
        for prompt, limit, _, client in self.asked:
            expected = alone(prompt, limit, context)
            if client in self.stopped:
                assert client.tokens == expected[: len(client.tokens)]
                continue
            assert client.error is None
            if client.stop is Stop.LENGTH and len(client.tokens) < len(expected):
                # Alone in a full cache: it ended for want of room, and said so.
                assert client.tokens == expected[: len(client.tokens)]
                continue
            assert client.tokens == expected
            assert client.usage is not None
            assert client.usage.prompt_tokens == len(prompt)
            assert client.usage.completion_tokens == len(expected)
            assert client.progress[-1] == (len(prompt), len(prompt))


@settings(max_examples=300, deadline=None)
@given(st.lists(ACTIONS, max_size=25), st.integers(1, 4), st.sampled_from([48, 64, 200]))
def test_everybody_gets_the_answer_they_would_get_alone(
    actions: list[tuple[str, object, object]], sequences: int, context: int
) -> None:
    story = Story(Bench(sequences=sequences, context=context))
    story.play(actions)
    story.check()


@settings(max_examples=100, deadline=None)
@given(st.lists(ACTIONS, max_size=25))
def test_so_they_do_with_a_model_that_cannot_be_cut(
    actions: list[tuple[str, object, object]],
) -> None:
    story = Story(Bench(keeps_any_prefix=False, context=200))
    story.play(actions)
    story.check()


@settings(max_examples=100, deadline=None)
@given(st.lists(ACTIONS, max_size=25))
def test_so_they_do_with_snapshots(actions: list[tuple[str, object, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        snapshots = Snapshots(Path(folder), "model", 1 << 20)
        story = Story(Bench(snapshots=snapshots, sequences=2))
        story.play(actions)
        story.check()


def test_the_next_turn_evaluates_only_what_is_new() -> None:
    bench = Bench(context=200)
    prompt = [1, 2, 3, 4, 5]
    first = bench.answer(prompt, 4)
    before = bench.runtime.evaluated
    turn = [*prompt, *first.tokens, 7, 8, 9]
    second = bench.answer(turn, 1)
    # The last token of an answer that was cut off is chosen but was never evaluated.
    unseen = 3 + (first.stop is Stop.LENGTH)
    assert second.usage is not None
    assert second.usage.evaluated_tokens == unseen
    assert bench.runtime.evaluated - before == unseen


def test_the_same_prompt_again_costs_one_token() -> None:
    bench = Bench(context=200)
    prompt = list(range(1, 30))
    bench.answer(prompt, 3)
    again = bench.answer(prompt, 3)
    assert again.usage is not None
    assert again.usage.evaluated_tokens == 1


def test_a_branch_leaves_the_other_branch_warm() -> None:
    bench = Bench(context=1000, chunk=64, parked_bytes=1 << 20)
    common = list(range(1, 101))
    left, right = [*common, *[3] * 100], [*common, *[4] * 100]
    bench.answer(left, 2)
    branched = bench.answer(right, 2)
    back = bench.answer([*left, 5], 2)
    assert branched.usage is not None
    assert back.usage is not None
    assert branched.usage.cached_tokens == 100
    assert back.usage.evaluated_tokens <= 2


def test_a_long_prompt_is_read_in_chunks_between_the_tokens_of_others() -> None:
    bench = Bench(context=2000, chunk=64)
    _, writer = bench.submit([1, 2, 3], 100)
    bench.scheduler.step()
    written = len(writer.tokens)
    bench.submit(list(range(1, 40)) * 20, 1)
    steps = 0
    while bench.scheduler.counts[0] == 2 and steps < 100 and not writer.over:
        bench.scheduler.step()
        steps += 1
        assert len(writer.tokens) == written + steps or writer.over


def test_more_clients_than_sequences_wait_and_are_told_where() -> None:
    bench = Bench(sequences=1, context=200)
    bench.submit([1, 2], 3)
    _, second = bench.submit([3, 4], 3)
    _, third = bench.submit([5, 6], 3)
    bench.scheduler.step()
    assert (second.places, third.places) == ([0], [1])
    bench.run()
    assert second.over
    assert third.over


def test_a_cancelled_answer_is_gone_before_the_next_step() -> None:
    bench = Bench()
    job, client = bench.submit([1, 2, 3], 50)
    bench.scheduler.step()
    got = list(client.tokens)
    bench.scheduler.cancel(job)
    assert not bench.scheduler.busy
    bench.scheduler.step()
    assert client.tokens == got


def test_an_answer_whose_client_left_without_a_word_does_not_stay() -> None:
    bench = Bench()
    _, client = bench.submit(list(range(1, 30)), 50)
    client.gone = True
    bench.scheduler.step()
    assert not bench.scheduler.busy


def test_a_model_that_cannot_be_evaluated_fails_those_who_asked() -> None:
    bench = Bench()

    def broken(items: Sequence[BatchItem], is_abandoned: Callable[[], bool]) -> None:
        raise EngineError("no")

    _, client = bench.submit([1, 2, 3], 5)
    bench.runtime.decode = broken  # type: ignore[method-assign]
    bench.scheduler.step()
    assert isinstance(client.error, EngineError)
    assert not bench.scheduler.busy


def test_logprobs_are_asked_for_only_when_wanted() -> None:
    bench = Bench()
    seen: list[object] = []

    class Client(FakeClient):
        def token(self, token: int, logprob: object) -> Stop | None:
            seen.append(logprob)
            return None

    chooser = FakeChooser(bench.runtime)
    bench.scheduler.submit([1, 2], Params(max_tokens=2, logprobs=1), Client(), chooser)
    bench.run()
    assert all(item is not None for item in seen)
