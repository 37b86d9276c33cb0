"""What one user may use, and that nobody else pays for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from chatterm.messages import Usage
from chatterm.server.limits import Limits
from chatterm.server.problems import TooMany
from chatterm.server.records import Records, open_records
from chatterm.server.work import Job, JobState
from tests.cli.program import slow_echo
from tests.clocks import Clock
from tests.server.asking import PATIENCE, Asking, post
from tests.server.serving import serving

DIALECTS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/api/chat",
    "/api/generate",
)
DAY = 86400


@pytest.fixture
def records(tmp_path: Path, clock: Clock) -> Records:
    ids = iter(range(1000))
    return open_records(tmp_path / "server.db", clock=clock, new_id=lambda: f"id{next(ids)}")


def finished(user_id: str, tokens: int) -> Job:
    usage = Usage(prompt_tokens=tokens, completion_tokens=tokens)
    return Job("j", user_id, "m", JobState.COMPLETE, 0.0, usage=usage)


def test_requests_are_counted_by_the_minute_and_by_user(records: Records, clock: Clock) -> None:
    limits = Limits(records, requests_per_minute=2)
    limits.request("ann")
    limits.request("ann")
    with pytest.raises(TooMany, match="Retry After 60"):
        limits.request("ann")
    limits.request("bob")
    clock.now += 61
    limits.request("ann")
    records.close()


def test_tokens_are_counted_by_the_day_and_survive_a_restart(
    records: Records, clock: Clock
) -> None:
    limits = Limits(records, tokens_per_day=10)
    limits.answer("ann")
    limits.note(finished("ann", 5))
    again = Limits(records, tokens_per_day=10)
    assert again.tokens_today("ann") == 10
    with pytest.raises(TooMany) as refused:
        again.answer("ann")
    assert 0 < refused.value.retry_after <= 86400
    again.answer("bob")
    clock.now += 86400
    again.answer("ann")
    records.close()


def test_one_user_with_many_answers_under_way_is_told_and_others_are_not(home: Path) -> None:
    slow_echo(home, words_per_second=5)
    with serving(by_name=True, open_jobs=2, engine__sequences=1) as served:
        ann, bob = (Asking.by_name(served.url, name) for name in ("ann", "bob"))
        chat_id = ann.new_chat()
        prompt = ann.prompt(chat_id, "word " * 500).json()
        replies = [ann.answer(chat_id, prompt["id"], "slow") for _ in range(3)]
        assert [reply.status_code for reply in replies] == [200, 200, 429]
        assert int(replies[-1].headers["Retry-After"]) > 0
        other = bob.new_chat()
        assert bob.asked(other, "hi", model="slow")


def test_who_has_used_up_their_tokens_is_told(home: Path) -> None:
    with serving(by_name=True, tokens_per_day=4) as served:
        ann = Asking.by_name(served.url, "ann")
        chat_id = ann.new_chat()
        answer_id = ann.asked(chat_id, "one two three")
        ann.heard(chat_id, answer_id)
        prompt = ann.prompt(chat_id, "more", answer_id).json()
        refused = ann.answer(chat_id, prompt["id"])
        assert refused.status_code == 429
        assert "tokens" in refused.json()["detail"]
        assert 0 < int(refused.headers["Retry-After"]) <= DAY


def asked(path: str, text: str = "one two three", model: str = "echo") -> dict[str, Any]:
    """The body of a request of any dialect."""
    talk = [{"role": "user", "content": text}]
    said = {"messages": talk, "input": text, "prompt": text}
    words = {"/v1/responses": "input", "/v1/completions": "prompt", "/api/generate": "prompt"}
    word = words.get(path, "messages")
    return {"model": model, word: said[word], "stream": False}


def told(reply: httpx.Response) -> str:
    """What a refusal says, in the form of its dialect."""
    error = reply.json()["error"]
    message = error if isinstance(error, str) else error["message"]
    assert message
    return str(message)


@pytest.mark.parametrize("path", DIALECTS)
def test_requests_of_a_minute_are_limited_in_every_dialect(home: Path, path: str) -> None:
    with serving(requests_per_minute=2) as served:
        replies = [post(f"{served.url}{path}", json=asked(path)) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert 0 < int(replies[-1].headers["Retry-After"]) <= 60
    assert "Too Many Requests" in told(replies[-1])


@pytest.mark.parametrize("path", DIALECTS)
def test_tokens_of_a_day_are_limited_in_every_dialect(home: Path, path: str) -> None:
    with serving(tokens_per_day=4) as served:
        replies = [post(f"{served.url}{path}", json=asked(path)) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 429]
    assert 0 < int(replies[-1].headers["Retry-After"]) <= DAY
    assert "tokens" in told(replies[-1])


@pytest.mark.parametrize("path", DIALECTS)
def test_open_jobs_are_limited_in_every_dialect(home: Path, path: str) -> None:
    slow_echo(home, words_per_second=5)
    with serving(open_jobs=1) as served:
        long = asked(path, "word " * 500, "slow") | {"stream": True}
        with httpx.stream("POST", f"{served.url}{path}", json=long, timeout=PATIENCE) as reply:
            pieces = reply.iter_raw()
            assert next(pieces)
            refused = post(f"{served.url}{path}", json=asked(path))
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert "under way" in told(refused)


@pytest.mark.parametrize("path", DIALECTS)
def test_bodies_are_limited_in_every_dialect(home: Path, path: str) -> None:
    with serving(body_mb=0.001) as served:
        refused = post(f"{served.url}{path}", json=asked(path, "word " * 500))
        small = post(f"{served.url}{path}", json=asked(path))
    assert (refused.status_code, small.status_code) == (413, 200)
    assert "too large" in told(refused)
