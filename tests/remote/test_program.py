"""Logging in, listing, asking and forgetting, as the real program does it."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import COMMAND, Ran, chatterm
from tests.servers.openai import OllamaServer, OpenAIServer, refusal, scripted
from tests.servers.openassistant import Abort, OpenAssistant, Say

KEY = "sk-test-never-shown-0123456789"


async def run(*args: str, stdin: str = "") -> Ran:
    """The program, while the stand-ins go on answering."""
    return await asyncio.to_thread(chatterm, *args, stdin=stdin)


@pytest.fixture
async def openai() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(key=KEY) as server:
        yield server


@pytest.fixture
async def ollama() -> AsyncIterator[OllamaServer]:
    async with OllamaServer() as server:
        yield server


@pytest.fixture
async def assistant() -> AsyncIterator[OpenAssistant]:
    async with OpenAssistant() as server:
        yield server


async def test_a_server_without_a_key_is_asked_at_once(ollama: OllamaServer) -> None:
    ran = await run("login", ollama.url)
    assert (ran.code, ran.out) == (0, "")
    assert "is ollama, by its /api/version" in ran.err
    assert "ollama needs no login" in ran.err
    assert (await run("ask", "-m", "ollama/parrot", "hello there")).out == "hello there\n"


async def test_a_key_comes_through_a_pipe_and_stays_where_it_belongs(
    openai: OpenAIServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATTERM_DEBUG", "1")
    ran = [
        await run("login", openai.url, "--as", "lab", "--key-stdin", stdin=f"{KEY}\n"),
        await run("ask", "-m", "lab/parrot", "hello"),
        await run("ask", "-m", "lab/nobody", "hello"),
        await run("remotes", "list", "--json"),
    ]
    assert [r.code for r in ran] == [0, 0, 3, 0]
    kept = home / "data" / "credentials.json"
    assert str(kept) in ran[0].err
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    holders = [f for f in home.rglob("*") if f.is_file() and KEY.encode() in f.read_bytes()]
    assert holders == [kept]
    assert not any(KEY in r.out + r.err for r in ran)


async def test_a_wrong_key_is_refused_and_nothing_is_kept(openai: OpenAIServer, home: Path) -> None:
    ran = await run("login", openai.url, "--key-stdin", stdin="sk-wrong")
    assert ran.code == 5
    assert "Incorrect API key" in ran.err
    assert "sk-wrong" not in ran.err
    assert not (home / "data" / "credentials.json").exists()
    assert not (home / "config" / "models.toml").exists()


async def test_without_a_terminal_a_key_has_to_be_piped(openai: OpenAIServer) -> None:
    ran = await run("login", openai.url)
    assert ran.code == 2
    assert "--key-stdin" in ran.err


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
async def test_a_key_that_is_typed_is_not_shown(openai: OpenAIServer) -> None:
    import pty

    master, slave = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "login",
        openai.url,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
    )
    os.close(slave)
    shown = await asyncio.to_thread(_read_until, master, "not shown")
    os.write(master, f"{KEY}\n".encode())
    shown += await asyncio.to_thread(_read_until, master, None)
    assert await process.wait() == 0, shown
    assert "logged in" in shown
    assert KEY not in shown
    os.close(master)


def _read_until(master: int, words: str | None) -> str:
    shown = ""
    while words is None or words not in shown:
        try:
            data = os.read(master, 1024)
        except OSError:
            break
        if not data:
            break
        shown += data.decode(errors="replace")
    return shown


async def test_an_assistant_server_is_logged_in_to_by_name_and_talked_with(
    assistant: OpenAssistant,
) -> None:
    ran = await run("login", assistant.url, "--as", "oa", "--user", "ann")
    assert "logged in to oa as ann" in ran.err
    assert (await run("ask", "-m", "oa/_lorem", "hello there")).out == "hello there\n"
    assert (await run("ask", "-c", "and more")).out == "and more\n"
    assert len(assistant.chats) == 1
    listed = (await run("remotes", "list", "--json")).json[0]
    assert listed["kind"] == "openassistant"
    assert (listed["state"], listed["user"]) == ("ready", "ann")
    assert listed["models"][0]["name"] == "oa/_lorem"


async def test_a_token_from_a_browser_is_taken_as_it_is_shown(assistant: OpenAssistant) -> None:
    import json

    shown = json.dumps(assistant._pair("berta"))
    ran = await run("login", assistant.url, "--as", "oa", "--key-stdin", stdin=shown)
    assert "logged in to oa as berta" in ran.err
    assert (await run("ask", "-m", "oa/_lorem", "hello")).out == "hello\n"
    wrong = await run("login", assistant.url, "--as", "oa", "--key-stdin", stdin='{"a": 1}')
    assert (wrong.code, "copy the whole text" in wrong.err) == (2, True)


async def test_a_login_by_a_way_that_is_not_offered_names_those_that_are(
    assistant: OpenAssistant,
) -> None:
    ran = await run("login", assistant.url, "--provider", "github")
    assert (ran.code, "it offers debug" in ran.err) == (5, True)


async def test_a_remote_is_logged_in_to_again_by_its_name(assistant: OpenAssistant) -> None:
    await run("login", assistant.url, "--as", "oa", "--user", "ann")
    assert (await run("logout", "oa")).code == 0
    refused = await run("ask", "-m", "oa/_lorem", "hello")
    assert refused.code == 5
    assert "hint: chatterm login oa" in refused.err
    assert (await run("remotes", "list", "--json")).json[0]["state"] == "log in"
    assert (await run("login", "oa", "--user", "ann")).code == 0
    assert (await run("ask", "-m", "oa/_lorem", "hello")).code == 0


async def test_remotes_are_added_listed_and_removed(ollama: OllamaServer, home: Path) -> None:
    assert (await run("remotes", "list")).err == (
        "no remotes yet; add one with chatterm login URL\n"
    )
    models = home / "config" / "models.toml"
    models.parent.mkdir(parents=True)
    models.write_text('# mine\n[models.slow]\nbackend = "echo"  # kept\n')
    assert (await run("remotes", "add", "here", ollama.url)).code == 0
    assert (await run("remotes", "add", "here", ollama.url)).code == 2
    listed = await run("remotes", "list")
    assert ollama.url in listed.out
    assert "ready" in listed.out
    assert (await run("remotes", "list", "--models")).out.startswith("here/parrot:latest")
    assert (await run("remotes", "remove", "here")).code == 0
    assert (await run("remotes", "remove", "here")).code == 2
    assert models.read_text() == '# mine\n[models.slow]\nbackend = "echo"  # kept\n'


async def test_a_shell_completes_models_of_remotes_and_asks_nobody(
    ollama: OllamaServer, assistant: OpenAssistant, home: Path
) -> None:
    await run("login", ollama.url)
    await run("login", assistant.url, "--as", "oa", "--user", "ann")
    for server in (ollama, assistant):
        server.requests.clear()
    assert await proposed("ollama/") == ["ollama/parrot:latest"]
    assert await proposed("oa/_l") == ["oa/_lorem"]
    assert ollama.requests == assistant.requests == []
    await ollama.stop()
    assert await proposed("ollama/") == ["ollama/parrot:latest"]
    await run("remotes", "remove", "ollama")
    assert await proposed("ollama/") == []
    (home / "cache" / "remote-models.json").write_text("[broken")
    assert await proposed("oa/") == []
    await run("remotes", "list")
    assert await proposed("oa/_l") == ["oa/_lorem"]


async def proposed(typed: str) -> list[str]:
    """What fish is given for a model's name."""
    env = {
        **os.environ,
        "_CHATTERM_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_ARGS": f"chatterm ask -m {typed}",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    process = await asyncio.create_subprocess_exec(
        *COMMAND, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert err == b""
    return [line.partition("\t")[0] for line in out.decode().splitlines() if line]


async def test_a_remote_that_is_away_is_listed_as_such(ollama: OllamaServer) -> None:
    await run("login", ollama.url)
    await ollama.stop()
    assert (await run("remotes", "list", "--json")).json[0]["state"] == "unreachable"
    ran = await run("ask", "-m", "ollama/parrot", "hello")
    assert ran.code == 5
    assert "Traceback" not in ran.err


async def test_offline_nobody_is_asked(
    ollama: OllamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run("login", ollama.url)
    ollama.requests.clear()
    monkeypatch.setenv("CHATTERM_OFFLINE", "1")
    assert (await run("remotes", "list", "--json")).json[0]["state"] == "offline"
    ran = await run("ask", "-m", "ollama/parrot", "hello")
    assert (ran.code, "switched off" in ran.err) == (5, True)
    assert (await run("login", ollama.url)).code == 5
    assert ollama.requests == []


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["login", "http://chat.example.org"], "--insecure"),
        (["login", "https://me:hunter2@x.org"], "must not hold"),
        (["login", "https://x.org", "--kind", "opanai"], "did you mean openai?"),
        (["logout", "nobody"], "no remote 'nobody'"),
        (["remotes", "remove", "nobody"], "no remote 'nobody'"),
    ],
)
async def test_a_wrong_call_is_exit_2_with_a_hint(args: list[str], words: str) -> None:
    ran = await run(*args)
    assert ran.code == 2
    assert words in ran.err
    assert "hunter2" not in ran.err


async def test_a_key_does_not_follow_a_remote_to_another_address(
    openai: OpenAIServer, home: Path
) -> None:
    await run("login", openai.url, "--as", "lab", "--key-stdin", stdin=KEY)
    async with OpenAIServer() as other:
        models = home / "config" / "models.toml"
        models.write_text(models.read_text().replace(openai.url, other.url))
        assert (await run("ask", "-m", "lab/parrot", "hello")).out == "hello\n"
        assert all("authorization" not in request.headers for request in other.requests)


FAILURES: dict[str, Any] = {
    "an empty 500": refusal(500, b""),
    "a web page": refusal(200, b"<html>", ("content-type", "text/html")),
    "a cut": scripted(b'data: {"choices": [{"delta": {"content": "partial"}}]}\n\n', end=False),
    "busy": refusal(429, b"{}", ("retry-after", "999")),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
async def test_a_failure_is_exit_5_and_the_prompt_is_kept(
    openai: OpenAIServer, failure: Any
) -> None:
    openai.key = ""
    await run("login", openai.url, "--as", "lab")
    openai.next += [failure]
    ran = await run("ask", "-m", "lab/parrot", "--json", "precious words")
    assert ran.code == 5
    assert "Traceback" not in ran.err
    assert "hint: " in ran.err
    (chat,) = (await run("chats", "list", "--json")).json
    shown = (await run("chats", "show", chat["id"], "--json")).json
    assert shown["messages"][0]["text"] == "precious words"
    assert shown["messages"][-1]["state"] == "failed"


async def test_what_came_before_a_worker_failed_is_kept(assistant: OpenAssistant) -> None:
    await run("login", assistant.url, "--as", "oa", "--user", "ann")
    assistant.next.append([Say("half "), Abort("CUDA out of memory")])
    ran = await run("ask", "-m", "oa/_lorem", "hello")
    assert (ran.code, ran.out) == (5, "half \n")
    assert "CUDA out of memory" in ran.err


async def test_the_model_of_a_remote_may_be_named_like_a_file(openai: OpenAIServer) -> None:
    openai.key = ""
    await run("login", openai.url, "--as", "lab")
    ran = await run("ask", "-m", "lab/qwen.gguf", "hello")
    assert (ran.code, "lab has no model 'qwen.gguf'" in ran.err) == (3, True)


async def test_chats_of_a_server_are_listed_taken_in_and_changed(
    assistant: OpenAssistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run("login", assistant.url, "--as", "oa", "--user", "ann")
    await run("ask", "-m", "oa/_lorem", "first words")
    (listed,) = (await run("remotes", "chats", "oa", "--json")).json
    assert (listed["title"], listed["hidden"]) == ("first words", False)
    assert listed["id"] in (await run("remotes", "chats", "oa")).out

    (home / "data" / "chatterm.db").rename(home / "elsewhere.db")
    assert "1 new chats and 2 new messages" in (await run("remotes", "sync", "oa")).err
    monkeypatch.setenv("CHATTERM_OFFLINE", "1")
    (chat,) = (await run("chats", "list", "--json")).json
    shown = (await run("chats", "show", chat["id"], "--json")).json
    assert [m["text"] for m in shown["messages"]] == ["first words", "first words"]
    monkeypatch.delenv("CHATTERM_OFFLINE")

    answer = shown["messages"][1]["id"]
    assert (await run("remotes", "vote", "oa", answer, "up")).code == 0
    assert (await run("remotes", "report", "oa", answer, "odd", "--type", "spam")).code == 0
    assert assistant.answers()[0].score == 1
    assert assistant.answers()[0].reports[0]["report_type"] == "spam"

    change = ["remotes", "change", "oa", chat["id"]]
    assert (await run(*change, "--title", "Better", "--hide")).code == 0
    assert assistant.chats[listed["id"]].title == "Better"
    assert (await run("remotes", "chats", "oa")).out == ""
    assert "[hidden]" in (await run("remotes", "chats", "oa", "--hidden")).out
    assert (await run("remotes", "change", "oa", listed["id"], "--delete")).code == 0
    assert assistant.chats == {}
    assert len((await run("chats", "list", "--json")).json) == 1


async def test_a_server_that_keeps_no_chats_says_so(ollama: OllamaServer) -> None:
    await run("login", ollama.url)
    ran = await run("remotes", "chats", "ollama")
    assert (ran.code, "keeps no chats" in ran.err) == (2, True)
    assert (await run("remotes", "change", "ollama", "01")).code == 2
