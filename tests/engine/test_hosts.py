"""One host a model: found, shared, replaced, and gone when nobody needs it."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from pathlib import Path

import pytest

from chatterm.engine import endpoint, hosts, wire
from chatterm.engine.client import EngineBackend
from chatterm.engine.host import Host
from chatterm.engine.hosts import EngineHome, running, stop
from chatterm.engine.service import Service
from chatterm.engine.settings import EngineSettings
from chatterm.errors import EngineError, ModelError
from chatterm.events import Done, Progress, TextDelta
from chatterm.messages import Request, Stop
from chatterm.params import Params
from tests import ggufs
from tests.contract import suite
from tests.engines import Engine

Engines = Callable[..., Engine]


def asked(text: str = "Hello there, who are you?", tokens: int = 16) -> Request:
    return suite.request("tiny", text, params=Params(temperature=0.0, max_tokens=tokens))


async def answer(backend: EngineBackend, request: Request | None = None) -> str:
    return suite.text_of(await suite.collect(backend, request or asked()))


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        await asyncio.sleep(0.01)


async def test_a_second_backend_finds_the_host_of_the_first(engine: Engines) -> None:
    one = engine()
    first, second = one.backend(), one.backend()
    assert await answer(first) == await answer(second)
    assert len(await running(one.home)) == 1


async def test_many_who_start_it_at_once_end_up_with_one_host(engine: Engines) -> None:
    one = engine()
    texts = await asyncio.gather(*(answer(one.backend()) for _ in range(6)))
    assert len(set(texts)) == 1
    assert len(await running(one.home)) == 1


async def test_another_model_or_another_context_is_another_host(
    engine: Engines, tmp_path: Path
) -> None:
    one = engine()
    backend = one.backend()
    await answer(backend)
    wider = suite.request("tiny", "Hi", params=Params(context=512, max_tokens=3))
    await answer(backend, wider)
    assert sorted(host["context"] for host in await running(one.home)) == [512, 2048]


async def test_nobody_else_can_reach_it(engine: Engines) -> None:
    one = engine()
    await answer(one.backend())
    path = one.home.socket(one.key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_with_keep_alive_zero_it_leaves_after_the_answer(engine: Engines) -> None:
    one = engine()
    await answer(one.backend(keep_alive=0))
    await until(lambda: not one.home.socket(one.key).exists())


async def test_it_leaves_when_keep_alive_is_over_and_not_before(engine: Engines) -> None:
    one = engine()
    await answer(one.backend(keep_alive=1.5))
    (host,) = await running(one.home)
    await asyncio.sleep(0.3)
    os.kill(host["pid"], 0)
    await until(lambda: not one.home.socket(one.key).exists())


async def test_with_keep_alive_minus_one_it_stays(engine: Engines) -> None:
    one = engine()
    await answer(one.backend(keep_alive=-1))
    (host,) = await running(one.home)
    assert host["keep_alive"] == -1


async def test_stop_ends_it_and_the_next_request_starts_another(engine: Engines) -> None:
    one = engine()
    backend = one.backend()
    first = await answer(backend)
    (before,) = await running(one.home)
    assert await stop(one.home, one.key)
    assert await running(one.home) == []
    assert await answer(backend) == first
    (after,) = await running(one.home)
    assert before["pid"] != after["pid"]


async def test_a_killed_host_fails_the_answer_and_the_next_one_works(engine: Engines) -> None:
    one = engine()
    backend = one.backend()
    await answer(backend)
    with one.home.log(one.key).open("a") as log:
        log.write("what another end was about\n")
    (host,) = await running(one.home)
    with pytest.raises(EngineError) as failure:
        async with aclosing(backend.stream(asked(tokens=2000))) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    os.kill(host["pid"], signal.SIGKILL)
    assert failure.value.message == "the engine died without a word"
    assert "if memory ran out" in failure.value.hint
    assert str(one.home.log(one.key)) in failure.value.hint
    assert await answer(backend)


async def test_whoever_started_a_host_does_not_keep_it_when_it_is_dead(engine: Engines) -> None:
    one = engine()
    await answer(one.backend())
    (pid,) = [host["pid"] for host in await running(one.home)]
    os.kill(pid, signal.SIGKILL)

    def is_gone() -> bool:
        with suppress(ProcessLookupError):
            os.kill(pid, 0)  # a process that is dead and not waited for is still there
            return False
        return True

    await until(is_gone)


async def test_whoever_leaves_while_a_host_starts_leaves_no_connection(engine: Engines) -> None:
    one = engine()
    for seconds in (0.05, 0.1, 0.2, 0.3, 0.4):
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await answer(one.backend())
    # A connection that was left open would be told of here: warnings are errors.
    gc.collect()
    assert await answer(one.backend())


async def test_an_aborting_host_says_so(engine: Engines) -> None:
    one = engine()
    backend = one.backend()
    await answer(backend)
    (host,) = await running(one.home)
    os.kill(host["pid"], signal.SIGABRT)
    await until(lambda: not _alive(host["pid"]))
    assert await answer(backend)


def _alive(pid: int) -> bool:
    """Whether a process still runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


async def test_being_told_to_end_ends_an_idle_host(engine: Engines) -> None:
    one = engine()
    await answer(one.backend(keep_alive=-1))
    (host,) = await running(one.home)
    os.kill(host["pid"], signal.SIGTERM)
    await until(lambda: not _alive(host["pid"]))
    assert not one.home.socket(one.key).exists()


async def test_a_stale_socket_is_replaced(engine: Engines) -> None:
    one = engine()
    path = one.home.socket(one.key)
    path.parent.mkdir(mode=0o700)
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    assert path.exists()
    assert await answer(one.backend())


async def test_a_file_where_the_socket_should_be_is_replaced(engine: Engines) -> None:
    one = engine()
    path = one.home.socket(one.key)
    path.parent.mkdir(mode=0o700)
    path.write_text("no socket")
    assert await answer(one.backend())


async def test_addresses_that_nobody_answers_at_are_cleaned_away(engine: Engines) -> None:
    one = engine()
    path = one.home.socket("0000")
    path.parent.mkdir(mode=0o700)
    path.write_text("")
    assert await running(one.home) == []
    assert not path.exists()


async def test_a_host_of_another_version_is_sent_away(
    engine: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = engine()
    backend = one.backend()
    await answer(backend)
    (old,) = await running(one.home)
    monkeypatch.setattr(hosts, "__version__", "999.0")
    # The new host is of the real version, so it is only looked at, not used.
    assert await hosts._find(one.home, one.key) is None
    await until(lambda: not _alive(old["pid"]))
    monkeypatch.undo()
    assert await answer(one.backend())


async def test_a_stranger_who_does_not_say_hello_is_not_served(engine: Engines) -> None:
    one = engine()
    await answer(one.backend())
    for greeting in (b"GET / HTTP/1.1\r\n\r\n", wire.frame({"op": "status"}), b"\0\0\0\2[]"):
        reader, writer = await asyncio.open_unix_connection(str(one.home.socket(one.key)))
        writer.write(greeting)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    assert await answer(one.backend())


async def test_a_request_it_does_not_know_is_an_error_and_harms_nobody(engine: Engines) -> None:
    one = engine()
    backend = one.backend()
    await answer(backend)
    channel = await hosts.open_channel(one.home, one.opening)
    channel.send({"op": "dance"})
    with pytest.raises(EngineError, match="dance"):
        await channel.receive()
    await channel.close()
    assert await answer(backend)


async def test_its_output_is_in_the_log_and_not_on_our_terminal(
    engine: Engines, capfd: pytest.CaptureFixture[str]
) -> None:
    one = engine()
    await answer(one.backend())
    assert capfd.readouterr() == ("", "")
    assert one.home.log(one.key).exists()


async def test_a_client_that_vanishes_frees_the_engine(engine: Engines) -> None:
    one = engine()
    backend = one.backend()
    await answer(backend)
    async with aclosing(backend.stream(asked(tokens=100_000))) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    async with asyncio.timeout(5):
        while (await running(one.home))[0]["running"]:
            await asyncio.sleep(0.01)


async def test_answers_in_progress_fail_when_the_engine_is_stopped(engine: Engines) -> None:
    one = engine()
    backend = one.backend()
    await answer(backend)
    with pytest.raises(EngineError, match="stopped"):
        async with aclosing(backend.stream(asked(tokens=100_000))) as events:
            stopping: asyncio.Task[bool] | None = None
            async for event in events:
                if stopping is None and isinstance(event, TextDelta):
                    stopping = asyncio.create_task(stop(one.home, one.key))
    assert stopping is not None
    assert await stopping


class TestModelsThatCannotBeOpened:
    async def test_a_missing_file(self, engine: Engines, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"nowhere\.gguf"):
            await answer(engine(tmp_path / "nowhere.gguf").backend())

    async def test_a_file_that_is_no_gguf(self, engine: Engines, tmp_path: Path) -> None:
        path = tmp_path / "page.gguf"
        path.write_text("<!doctype html><title>404</title>" * 100)
        with pytest.raises(ModelError):
            await answer(engine(path).backend())

    async def test_a_truncated_file(self, engine: Engines, tiny: Path, tmp_path: Path) -> None:
        path = tmp_path / "short.gguf"
        data = tiny.read_bytes()
        path.write_bytes(data[: len(data) * 2 // 3])
        with pytest.raises(ModelError, match="truncated"):
            await answer(engine(path).backend())

    async def test_an_architecture_the_library_does_not_know(
        self, engine: Engines, tmp_path: Path
    ) -> None:
        path = ggufs.make_gguf(tmp_path / "new.gguf", arch="tomorrow")
        with pytest.raises(ModelError, match="unknown model architecture") as failure:
            await answer(engine(path).backend())
        assert failure.value.hint

    async def test_a_damaged_file_of_the_right_length(
        self, engine: Engines, tiny: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "damaged.gguf"
        data = bytearray(tiny.read_bytes())
        data[24:2000] = bytes(1976)
        path.write_bytes(data)
        with pytest.raises(ModelError):
            await answer(engine(path).backend())


async def test_a_host_that_cannot_start_says_why(
    engine: Engines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "llama_cpp.py").write_text("raise ImportError('libllama.so: cannot open')\n")
    monkeypatch.setenv("PYTHONPATH", str(broken))
    with pytest.raises(EngineError, match="cannot open") as failure:
        await answer(engine().backend())
    assert ".log" in failure.value.hint


async def test_the_same_loop_runs_in_a_thread(engine: Engines) -> None:
    one = engine(isolated=False)
    backend = one.backend()
    apart = engine().backend()
    assert await answer(backend) == await answer(apart)
    (host,) = await running(one.home)
    assert host["pid"] == os.getpid()
    assert await stop(one.home, one.key)


async def test_usage_and_timings_are_reported(engine: Engines) -> None:
    backend = engine().backend()
    events = await suite.collect(backend, asked(tokens=5))
    done = events[-1]
    assert isinstance(done, Done)
    assert done.stop is Stop.LENGTH
    assert done.usage.evaluated_tokens == done.usage.prompt_tokens > 5
    assert done.timings.prompt_ms is not None
    json.dumps([done.usage.prompt_tokens, done.timings.first_token_ms])


async def test_who_warms_a_model_hears_how_far_it_is(tmp_path: Path) -> None:
    """A load that takes until somebody has heard of it, as that of a large file would."""
    heard = threading.Event()

    def slow(settings: EngineSettings, progress: Callable[[float], bool]) -> Service:
        share = 0.0
        while not heard.wait(0.001):
            share = min(share + 0.001, 1.0)
            assert progress(share)
        raise EngineError("that is enough")

    home = EngineHome(tmp_path, tmp_path)
    settings = EngineSettings(str(ggufs.make_gguf(tmp_path / "m.gguf")))
    listener, token = endpoint.listen(home.socket(settings.key()))
    host = Host(listener, token, settings, slow)
    thread = threading.Thread(target=host.run)
    thread.start()
    backend = EngineBackend(home, {"m": settings}, 60.0)
    request = suite.request("m", "hello")
    steps: list[Progress] = []
    try:
        with pytest.raises(EngineError, match="that is enough"):
            async with aclosing(backend.warm(request)) as told:
                async for step in told:
                    steps.append(step)
                    if len(steps) == 3:
                        heard.set()
    finally:
        heard.set()
        host.stop()
        thread.join(10)
    assert {step.stage for step in steps} == {"load"}
    assert [step.done for step in steps] == sorted({step.done for step in steps})
