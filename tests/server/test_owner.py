"""What the owner of a server does beside it: users, keys, the doctor."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from tests.cli.program import chatterm
from tests.server.asking import get, post
from tests.server.program import served_program
from tests.server.serving import serving


def add(name: str, password: str = "correct horse") -> str:
    said: str = chatterm("users", "add", name, "--password-stdin", stdin=password).err
    return said


def doctor() -> dict[str, str]:
    """What the doctor says of the server."""
    checks = chatterm("doctor", "--json").json
    (found,) = [check for check in checks if check["area"] == "server"]
    return dict(found)


def write_config(home: Path, text: str) -> None:
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config" / "config.toml").write_text(text)


def test_a_new_password_ends_logins_and_leaves_keys() -> None:
    add("ada")
    key = chatterm("keys", "add", "--user", "ada").out.strip()
    with serving() as served:

        def log_in(password: str) -> int:
            body = {"username": "ada", "password": password}
            return post(f"{served.url}/auth/login", json=body).status_code

        def opens(token: str) -> bool:
            headers = {"Authorization": f"Bearer {token}"}
            return get(f"{served.url}/auth/check", headers=headers).status_code == 200

        body = {"username": "ada", "password": "correct horse"}
        pair = post(f"{served.url}/auth/login", json=body).json()
        token = pair["access_token"]["access_token"]
        assert opens(token)
        ran = chatterm("users", "password", "ada", "--password-stdin", stdin="battery staple")
        assert ran.code == 0 and "log in again" in ran.err
        assert not opens(token) and opens(key)
        assert (log_in("correct horse"), log_in("battery staple")) == (401, 200)


def test_a_password_that_is_too_short_changes_nothing() -> None:
    add("ada")
    ran = chatterm("users", "password", "ada", "--password-stdin", stdin="short")
    assert ran.code == 2 and "too short" in ran.err


def test_a_name_that_is_taken_is_no_reason_to_remove_anybody() -> None:
    add("ada")
    ran = chatterm("users", "add", "ada", "--password-stdin", stdin="battery staple")
    assert ran.code == 2
    assert "chatterm users password ada" in ran.err and "remove" not in ran.err


def test_a_log_of_json_is_json_from_its_first_line(tmp_path: Path) -> None:
    args = ["--host", "0.0.0.0", "--no-auth"]
    with served_program(tmp_path, args, log="json", models=["echo", "qwen3-4b"]) as program:
        program.ask_to_stop()
        assert program.ended() == 0
        events = [json.loads(line)["event"] for line in program.said.splitlines()]
    assert events == ["no logins", "model missing", "serving", "stopping"]


def test_who_adds_the_first_user_hears_what_that_changes() -> None:
    assert "when it starts again" in add("ada")
    assert "when it starts again" not in add("bob")


def test_the_doctor_says_that_it_can_serve_and_whom(home: Path) -> None:
    assert doctor()["text"] == "can serve at http://127.0.0.1:8811, without users"
    add("ada")
    assert doctor()["text"].endswith("with one user")
    write_config(home, "[serve]\nport = 9000\n")
    assert doctor()["text"].startswith("can serve at http://127.0.0.1:9000")


def test_the_doctor_says_why_it_could_not_serve(home: Path) -> None:
    write_config(home, "[serve]\nhost = '0.0.0.0'\n")
    found = doctor()
    assert found["state"] == "failed" and "chatterm users add" in found["todo"]
    write_config(home, "[serve]\ntls_cert = '/nowhere.pem'\ntls_key = '/nowhere.pem'\n")
    assert "/nowhere.pem cannot be read" in doctor()["text"]


def test_the_doctor_finds_a_damaged_file(home: Path) -> None:
    add("ada")
    with sqlite3.connect(home / "data" / "server.db") as db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute("INSERT INTO server_logins (id, user_id, created_at) VALUES ('x', 'nobody', 0)")
    db.close()
    ran = chatterm("doctor")
    assert ran.code == 6 and "server.db is damaged" in ran.out
