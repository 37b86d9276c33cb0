"""What one user may use, and that nobody else pays for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatterm.messages import Usage
from chatterm.server.limits import Limits
from chatterm.server.problems import TooMany
from chatterm.server.records import Records, open_records
from chatterm.server.work import Job, JobState
from tests.cli.program import slow_echo
from tests.clocks import Clock
from tests.server.asking import Asking
from tests.server.serving import serving


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
        codes = [ann.answer(chat_id, prompt["id"], "slow").status_code for _ in range(3)]
        assert codes == [200, 200, 429]
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
