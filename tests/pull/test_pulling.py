"""Pulls against real sockets: whole files arrive, whatever the servers and the network do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatterm.engine.pull import origin
from chatterm.engine.pull.events import Advanced, Planned, Pulled, PullEvent, Said
from chatterm.engine.pull.part import PIECE, journal_path, part_path
from chatterm.engine.pull.pulling import PullOptions, pull
from chatterm.engine.pull.sources import sources_of
from chatterm.engine.pull.transfer import Patience
from chatterm.engine.pull.web import Web
from chatterm.errors import (
    BadReply,
    Busy,
    ChattermError,
    ConfigError,
    ModelError,
    Refused,
    RemoteError,
    Unreachable,
)
from tests.hub import Hub, gguf_bytes, running_hub

OPTIONS = PullOptions(patience=Patience(first_seconds=0.001, most_seconds=0.01))
NAME = "them/small/model-Q4_K_M.gguf"
ASKED = "hf:" + NAME
ONE_BYTE = {"Content-Range": f"bytes 0-0/{2 << 20}"}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with running_hub(tmp_path / "hub") as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


async def pulled(
    hub: Hub, folder: Path, asked: str = ASKED, *, options: PullOptions = OPTIONS, **env: str
) -> list[PullEvent]:
    """All events of one pull."""
    async with Web({"HF_ENDPOINT": hub.address, **env}) as web:
        choice = await sources_of(web, asked)
        return [event async for event in pull(web, choice.sources, folder, options)]


def said(events: list[PullEvent]) -> str:
    return "\n".join(event.text for event in events if isinstance(event, Said))


def leftovers(folder: Path) -> list[str]:
    return sorted(
        path.name for path in folder.rglob("*") if path.suffix in (".part", ".journal", ".new")
    )


async def test_a_file_comes_whole_from_another_host(hub: Hub, folder: Path) -> None:
    data = hub.add(NAME, gguf_bytes(3_000_000))
    *_, last = await pulled(hub, folder)
    assert last == Pulled((folder / NAME,), len(data), len(data), checked=True)
    assert (folder / NAME).read_bytes() == data
    assert leftovers(folder) == []


async def test_a_large_file_comes_over_several_connections_and_each_byte_once(
    hub: Hub, folder: Path
) -> None:
    data = hub.add(NAME, gguf_bytes(48 << 20))
    hub.habits.bytes_per_second = 200e6
    *_, last = await pulled(hub, folder)
    assert isinstance(last, Pulled)
    assert last.fetched == len(data)
    assert hub.sent("cdn") <= len(data) + 1  # one byte to see what it is
    assert len([asked for asked in hub.asked if asked.server == "cdn"]) > 4
    assert origin.digest(folder / NAME, lambda _: None) == hashlib.sha256(data).hexdigest()


async def test_pulling_again_fetches_nothing(hub: Hub, folder: Path) -> None:
    hub.add(NAME, gguf_bytes(100_000))
    await pulled(hub, folder)
    before = hub.sent("cdn")
    *_, last = await pulled(hub, folder)
    assert isinstance(last, Pulled)
    assert last.fetched == 0
    assert hub.sent("cdn") <= before + 1


async def test_a_file_somebody_copied_there_is_recognised_by_its_digest(
    hub: Hub, folder: Path
) -> None:
    data = hub.add(NAME, gguf_bytes(100_000))
    (folder / NAME).parent.mkdir(parents=True)
    (folder / NAME).write_bytes(data)
    *_, last = await pulled(hub, folder)
    assert isinstance(last, Pulled)
    assert last.fetched == 0


async def test_a_new_version_replaces_the_old_one(hub: Hub, folder: Path) -> None:
    hub.add(NAME, gguf_bytes(100_000, seed=1))
    await pulled(hub, folder)
    data = hub.add(NAME, gguf_bytes(100_000, seed=2))
    await pulled(hub, folder)
    assert (folder / NAME).read_bytes() == data


@pytest.mark.parametrize("cut_every", [100_000, PIECE, 3 * PIECE + 1])
async def test_connections_that_break_every_few_bytes_cost_no_byte_twice(
    hub: Hub, folder: Path, cut_every: int
) -> None:
    data = hub.add(NAME, gguf_bytes(10 << 20))
    hub.habits.cut_every = cut_every
    *_, last = await pulled(hub, folder)
    assert isinstance(last, Pulled)
    assert last.fetched == len(data)
    assert (folder / NAME).read_bytes() == data


async def test_a_pull_that_is_closed_goes_on_where_it_stopped(hub: Hub, folder: Path) -> None:
    data = hub.add(NAME, gguf_bytes(8 << 20))
    hub.habits.bytes_per_second = 8e6
    async with Web({"HF_ENDPOINT": hub.address}) as web:
        sources = (await sources_of(web, ASKED)).sources
        for _ in range(3):
            events = pull(web, sources, folder, OPTIONS)
            seen = 0
            async for event in events:
                seen += not isinstance(event, Said | Planned)
                if seen:
                    break
            await events.aclose()
            assert not (folder / NAME).exists()
            assert part_path(folder / NAME).exists()
    hub.habits.bytes_per_second = 0
    events_after = await pulled(hub, folder)
    (planned,) = [event for event in events_after if isinstance(event, Planned)]
    last = events_after[-1]
    assert isinstance(last, Pulled)
    assert planned.present > 0
    assert last.fetched == len(data) - planned.present
    assert (folder / NAME).read_bytes() == data


async def test_a_server_without_ranges_is_read_over_one_connection(hub: Hub, folder: Path) -> None:
    data = hub.add(NAME, gguf_bytes(40 << 20))
    hub.habits.ranges = False
    *_, last = await pulled(hub, folder)
    assert isinstance(last, Pulled)
    assert last.fetched == len(data)
    assert (folder / NAME).read_bytes() == data


async def test_a_server_without_ranges_that_breaks_is_given_up(hub: Hub, folder: Path) -> None:
    hub.add(NAME, gguf_bytes(2 << 20))
    hub.habits.ranges = False
    hub.habits.cut_every = 1 << 20
    with pytest.raises(Unreachable):
        await pulled(hub, folder)
    assert part_path(folder / NAME).exists()


# -- digests -------------------------------------------------------------------------------------


async def test_a_wrong_byte_is_found_and_only_its_piece_replaced(hub: Hub, folder: Path) -> None:
    data = hub.add(NAME, gguf_bytes(6 << 20))
    hub.habits.wrong = {4_000_000: 1}
    events = await pulled(hub, folder)
    assert (folder / NAME).read_bytes() == data
    assert "the digest of model-Q4_K_M.gguf is wrong" in said(events)
    assert "1 of its pieces were wrong" in said(events)


async def test_a_file_that_never_has_its_digest_is_not_kept(hub: Hub, folder: Path) -> None:
    hub.add(NAME, gguf_bytes(1 << 20))
    hub.habits.wrong = {500_000: 1000}
    with pytest.raises(BadReply, match="does not have the digest"):
        await pulled(hub, folder)
    assert not (folder / NAME).exists()
    assert leftovers(folder) == []


async def test_what_the_disk_lost_is_fetched_again_and_nothing_else(hub: Hub, folder: Path) -> None:
    data = hub.add(NAME, gguf_bytes(8 << 20))
    await stop_in_the_middle(hub, folder)
    part = part_path(folder / NAME)
    with part.open("r+b") as file:
        file.seek(PIECE + 17)
        file.write(b"\0" * 1000)
    *_, last = await pulled(hub, folder)
    assert isinstance(last, Pulled)
    assert last.fetched == len(data) - 2 * PIECE
    assert (folder / NAME).read_bytes() == data


async def stop_in_the_middle(hub: Hub, folder: Path, asked: str = ASKED) -> None:
    """Leave an unfinished pull of more than two pieces."""
    hub.habits.cut_every = 3 * PIECE
    options = replace(OPTIONS, connections=1, patience=Patience(tries=1))
    with pytest.raises(Unreachable):
        await pulled(hub, folder, asked, options=options)
    hub.habits.cut_every = 0


async def test_a_file_without_a_digest_is_checked_by_its_size(hub: Hub, folder: Path) -> None:
    data = hub.add("a/b/model.gguf", gguf_bytes(1 << 20))
    url = f"{hub.cdn_address}/a/b/model.gguf"
    *_, last = await pulled(hub, folder, url)
    assert isinstance(last, Pulled)
    assert not last.checked
    assert last.paths == (folder / "localhost" / "model.gguf",)
    assert last.paths[0].read_bytes() == data


# -- files that change ---------------------------------------------------------------------------


async def test_a_file_that_changed_between_two_pulls_is_begun_anew(hub: Hub, folder: Path) -> None:
    hub.add("a/b/model.gguf", gguf_bytes(4 << 20, seed=1))
    url = f"{hub.cdn_address}/a/b/model.gguf"
    await stop_in_the_middle(hub, folder, url)
    data = hub.add("a/b/model.gguf", gguf_bytes(4 << 20, seed=2))
    hub.habits.tag = '"v2"'
    events = await pulled(hub, folder, url)
    assert "has changed on its server; starting anew" in said(events)
    assert (folder / "localhost" / "model.gguf").read_bytes() == data


async def test_a_file_that_changes_while_it_is_pulled_is_begun_anew(hub: Hub, folder: Path) -> None:
    data = hub.add("a/b/model.gguf", gguf_bytes(4 << 20))
    url = f"{hub.cdn_address}/a/b/model.gguf"
    hub.habits.cut_every = 2 * PIECE
    async with Web({"HF_ENDPOINT": hub.address}) as web:
        sources = (await sources_of(web, url)).sources
        heard = ""
        async for event in pull(web, sources, folder, OPTIONS):
            if isinstance(event, Planned):
                hub.habits.tag = '"v2"'
            heard += event.text if isinstance(event, Said) else ""
    assert "starting anew" in heard
    assert (folder / "localhost" / "model.gguf").read_bytes() == data


async def test_a_server_that_names_no_version_is_never_resumed(hub: Hub, folder: Path) -> None:
    data = hub.add("a/b/model.gguf", gguf_bytes(4 << 20))
    hub.habits.tag = ""
    url = f"{hub.cdn_address}/a/b/model.gguf"
    await stop_in_the_middle(hub, folder, url)
    *_, last = await pulled(hub, folder, url)
    assert isinstance(last, Pulled)
    assert last.fetched == len(data)


async def test_an_address_that_expires_is_asked_for_again(hub: Hub, folder: Path) -> None:
    data = hub.add(NAME, gguf_bytes(4 << 20))
    async with Web({"HF_ENDPOINT": hub.address}) as web:
        sources = (await sources_of(web, ASKED)).sources
        async for event in pull(web, sources, folder, OPTIONS):
            if isinstance(event, Planned):
                hub.habits.expired = {"first"}
                hub.signature = "second"
    assert (folder / NAME).read_bytes() == data


# -- refusals and failures -----------------------------------------------------------------------


async def test_the_token_goes_to_the_hub_and_to_no_other_host(hub: Hub, folder: Path) -> None:
    hub.add(NAME, gguf_bytes(1 << 20))
    hub.habits.token = "secret"
    await pulled(hub, folder, HF_TOKEN="secret")
    assert hub.tokens("hub") == {"secret"}
    assert hub.tokens("cdn") == {None}


@pytest.mark.parametrize(
    ("token", "asked", "kind", "words"),
    [
        ("", ASKED, Refused, "accepted its terms"),
        ("wrong", ASKED, Refused, "accepted its terms"),
        ("", "hf:them/small/none.gguf", ModelError, "or it is private"),
        ("right", "hf:them/small/none.gguf", ModelError, "has no them/small"),
        ("", "hf:nobody/nothing", ModelError, "has no nobody/nothing"),
        ("right", "hf:nobody/nothing", ModelError, "has no nobody/nothing"),
    ],
)
async def test_what_is_refused_or_missing_is_said(
    hub: Hub, folder: Path, token: str, asked: str, kind: type[ChattermError], words: str
) -> None:
    hub.add(NAME, gguf_bytes(1000))
    hub.habits.token = "right"
    with pytest.raises(kind, match=words) as failed:
        await pulled(hub, folder, asked, HF_TOKEN=token)
    assert failed.value.hint


async def test_a_busy_hub_is_waited_for_as_long_as_it_asks(hub: Hub, folder: Path) -> None:
    data = hub.add(NAME, gguf_bytes(1 << 20))
    hub.habits.statuses.extend([("hub", 429, {"Retry-After": "1"}), ("cdn", 503, {})])
    events = await pulled(hub, folder)
    assert "trying again in 1 s" in said(events)
    assert (folder / NAME).read_bytes() == data


async def test_a_hub_that_asks_for_an_hour_is_not_waited_for(hub: Hub, folder: Path) -> None:
    hub.add(NAME, gguf_bytes(1 << 20))
    hub.habits.statuses.append(("hub", 429, {"Retry-After": "3600"}))
    with pytest.raises(Busy, match="429") as failed:
        await pulled(hub, folder)
    assert "3600 s" in failed.value.hint


async def test_a_hub_that_fails_for_good_is_given_up(hub: Hub, folder: Path) -> None:
    hub.add(NAME, gguf_bytes(1 << 20))
    hub.habits.statuses.extend([("hub", 500, {})] * 20)
    with pytest.raises(Busy, match="500"):
        await pulled(hub, folder)


async def test_too_many_connections_become_fewer(hub: Hub, folder: Path) -> None:
    data = hub.add(NAME, gguf_bytes(64 << 20))
    hub.habits.bytes_per_second = 100e6
    refused = False
    async with Web({"HF_ENDPOINT": hub.address}) as web:
        sources = (await sources_of(web, ASKED)).sources
        async for event in pull(web, sources, folder, OPTIONS):
            if isinstance(event, Advanced) and not refused:
                refused = True
                hub.habits.statuses.extend([("cdn", 429, {"Retry-After": "3600"})] * 3)
    assert refused
    assert not hub.habits.statuses
    assert (folder / NAME).read_bytes() == data


async def test_a_server_that_falls_silent_is_asked_again(hub: Hub, folder: Path) -> None:
    data = hub.add(NAME, gguf_bytes(2 << 20))
    async with Web({"HF_ENDPOINT": hub.address}, read_seconds=0.2) as web:
        sources = (await sources_of(web, ASKED)).sources
        async for event in pull(web, sources, folder, OPTIONS):
            if isinstance(event, Planned):
                hub.habits.stall_after = 3 * PIECE
            if isinstance(event, Pulled):
                assert event.fetched == len(data)
    assert (folder / NAME).read_bytes() == data


async def test_a_range_that_is_refused_begins_anew(hub: Hub, folder: Path) -> None:
    data = hub.add(NAME, gguf_bytes(2 << 20))
    await stop_in_the_middle(hub, folder)
    hub.habits.statuses.extend([("cdn", 206, ONE_BYTE), ("cdn", 416, {})])
    events = await pulled(hub, folder)
    assert "starting anew" in said(events)
    assert (folder / NAME).read_bytes() == data


async def test_without_a_network_it_ends_at_once(folder: Path) -> None:
    with pytest.raises(Unreachable, match="cannot be reached") as failed:
        async with Web({"HF_ENDPOINT": "http://127.0.0.1:9"}) as web:
            sources = (await sources_of(web, ASKED)).sources
            async for _ in pull(web, sources, folder, OPTIONS):
                pass
    assert "network" in failed.value.hint


async def test_offline_nothing_is_asked(hub: Hub, folder: Path) -> None:
    hub.add(NAME, gguf_bytes(1000))
    async with Web({"HF_ENDPOINT": hub.address}, offline=True) as web:
        with pytest.raises(RemoteError, match="switched off"):
            await sources_of(web, "hf:them/small")
    assert hub.asked == []


async def test_a_file_of_certificates_that_is_none_is_an_error(hub: Hub, folder: Path) -> None:
    async with Web({"HF_ENDPOINT": hub.address}, ca_file=str(folder / "none")) as web:
        with pytest.raises(ConfigError) as failed:
            await sources_of(web, "hf:them/small")
    assert "network.ca_file" in failed.value.hint


async def test_a_page_in_place_of_a_model_is_not_kept(hub: Hub, folder: Path) -> None:
    hub.add(NAME, b"<!doctype html><p>Please log in to this network" * 100)
    with pytest.raises(ModelError, match="not a GGUF file"):
        await pulled(hub, folder)
    assert [path for path in folder.rglob("*") if path.is_file()] == []


async def test_a_file_without_room_is_not_begun(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(NAME, gguf_bytes(1 << 20))
    monkeypatch.setattr("chatterm.engine.pull.pulling._ROOM_TO_LEAVE", 1 << 60)
    with pytest.raises(ModelError, match="GB are needed"):
        await pulled(hub, folder)
    assert not folder.exists()


# -- split models and two at once ----------------------------------------------------------------


async def test_all_parts_of_a_split_model_come(hub: Hub, folder: Path) -> None:
    parts = [f"them/big/big-Q8_0-0000{n}-of-00003.gguf" for n in (1, 2, 3)]
    data = [hub.add(part, gguf_bytes(300_000, seed=n)) for n, part in enumerate(parts)]
    *_, last = await pulled(hub, folder, "hf:" + parts[1])
    assert isinstance(last, Pulled)
    assert [path.read_bytes() for path in last.paths] == data


async def test_the_second_of_two_pulls_waits_and_fetches_nothing(hub: Hub, folder: Path) -> None:
    import asyncio

    data = hub.add(NAME, gguf_bytes(4 << 20))
    hub.habits.bytes_per_second = 8e6
    first, second = await asyncio.gather(pulled(hub, folder), pulled(hub, folder))
    ends = [events[-1] for events in (first, second)]
    assert sorted(end.fetched for end in ends if isinstance(end, Pulled)) == [0, len(data)]
    assert "another chatterm is pulling" in said(first) + said(second)
    assert (folder / NAME).read_bytes() == data
    assert leftovers(folder) == []


def test_nothing_is_left_to_read_by_others(hub: Hub, folder: Path) -> None:
    import asyncio

    hub.add(NAME, gguf_bytes(1000))
    asyncio.run(pulled(hub, folder))
    assert (folder / NAME).stat().st_mode & 0o077 == 0
    assert not journal_path(folder / NAME).exists()
