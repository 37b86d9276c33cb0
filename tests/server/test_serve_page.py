"""docs/serve.md is true, and so are the unit and the container file beside it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from chatterm.config import ServeOptions
from chatterm.config_reading import load_config
from chatterm.paths import Paths
from chatterm.server.keys import Scope
from chatterm.server.settings import serve_settings
from tests.cli.program import chatterm
from tests.server.asking import get
from tests.server.program import Program, served_program
from tests.server.serving import add_user, serving

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "serve.md").read_text()
UNIT = (DOCS / "chatterm.service").read_text()
IMAGE = (DOCS / "Containerfile").read_text().replace("\\\n", "")


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def steps(title: str) -> list[str]:
    """The commands of a section, in order."""
    return re.findall(r"^    (\S.*)$", section(title), re.M)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an owner sits: a folder of their own, and this chatterm on the PATH."""
    program = tmp_path / "bin" / "chatterm"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m chatterm "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    (tmp_path / "desk").mkdir()
    return tmp_path / "desk"


def run(command: str, folder: Path, said: str = "") -> str:
    ran = subprocess.run(
        ["bash", "-c", command], cwd=folder, input=said, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, (command, ran.stderr)
    return ran.stdout


def unattended(command: str) -> str:
    """As it is written, where nobody is there to be asked."""
    if re.match(r"chatterm (users (add|password)|login)\b", command):
        return f"{command} --password-stdin" if "users" in command else f"{command} --key-stdin"
    return f"{command} --yes" if "users remove" in command else command


@contextmanager
def served_as_written(command: str, folder: Path) -> Iterator[Program]:
    """The server of a line of the page, on a port that is free."""
    words = shlex.split(command)[2:]
    files = [str(folder / word) if word.endswith(".pem") else word for word in words]
    with served_program(folder, files) as program:
        yield program


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")
def test_a_household_is_served_as_the_page_says(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, certify, serve, trust, login = steps("For a household")
    run(unattended(add), folder, "correct horse")
    run(certify, folder)
    key = run("chatterm keys add --user ada", folder).strip()
    with served_as_written(serve, folder) as program:
        assert program.url.startswith("https://127.0.0.1:")
        # Another machine of the household.
        monkeypatch.setenv("CHATTERM_HOME", str(folder / "elsewhere"))
        run(trust, folder)
        there = login.replace("https://nas.local:8811", program.url)
        run(unattended(there).replace("--user ada", "--as nas"), folder, key)
        assert run("chatterm ask -m nas/echo 'are you there?'", folder) == "are you there?\n"
        curl = f"curl -s --cacert cert.pem -H 'Authorization: Bearer {key}' {program.url}/v1/models"
        assert '"guide"' in run(curl, folder)


def test_users_and_keys_come_and_go_as_the_page_says(folder: Path) -> None:
    add_user("ada")
    for command in steps("Users and keys"):
        run(unattended(command), folder, "battery staple")
    assert chatterm("users", "list", "--json").json == []
    assert chatterm("keys", "list", "--json").json == []


def test_the_copy_of_a_server_that_runs_is_whole(folder: Path, home: Path) -> None:
    if shutil.which("sqlite3") is None:
        pytest.skip("no sqlite3")
    with serving():
        add_user("ada")
        run(steps("Stopping, backup, upgrade")[0], home / "data")
    with sqlite3.connect(home / "data" / "copy.db") as copy:
        assert copy.execute("SELECT name FROM server_users WHERE name = 'ada'").fetchall()
    copy.close()


@pytest.mark.parametrize("block", blocks("toml"))
def test_its_settings_are_settings(block: str, home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text(block)
    paths = Paths.from_environment(os.environ)
    found = serve_settings(load_config(paths, os.environ, {}).serve, {}).options
    for name, value in tomllib.loads(block)["serve"].items():
        assert getattr(found, name) == (tuple(value) if isinstance(value, list) else value)


def test_it_explains_every_scope() -> None:
    assert set(re.findall(r"^\| `([a-z]+)` \|", PAGE, re.M)) == set(Scope)


def test_prometheus_can_be_told_so() -> None:
    (block,) = blocks("yaml")
    (job,) = yaml.safe_load(block)["scrape_configs"]
    assert set(job) == {"job_name", "authorization", "static_configs"}


def test_nginx_takes_its_location(tmp_path: Path) -> None:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("no nginx")
    (block,) = blocks("nginx")
    paths = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"pid {tmp_path}/pid; error_log {tmp_path}/log; events {{}}"
        f"http {{ access_log off; {paths} server {{ listen 127.0.0.1:1; {block} }} }}"
    )
    ran = subprocess.run([program, "-t", "-c", str(config)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """An unknown or misspelt line of it would be passed over by systemd, with a warning."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd")
    unit = tmp_path / "chatterm.service"
    # The program has to be there to be verified; any will do.
    unit.write_text(UNIT.replace("/opt/chatterm/bin/chatterm", sys.executable))
    ran = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
    assert "chatterm.service" not in ran.stderr and ran.returncode == 0, ran.stderr


def test_the_unit_starts_what_the_page_installs() -> None:
    said = dict(re.findall(r"^(\w+)=(.*)$", UNIT, re.M))
    commands = steps("As a service")
    assert any(f"--home-dir /var/lib/{said['StateDirectory']} " in line for line in commands)
    assert said["ExecStart"].split()[0] in commands[-1]
    assert said["Environment"].split()[0] in commands[-1]
    assert any("docs/chatterm.service" in line for line in commands)
    assert float(said["TimeoutStopSec"]) > ServeOptions().grace_seconds


def test_the_image_says_how_it_is() -> None:
    """Its health check, run as the image would."""
    (words,) = re.findall(r"^HEALTHCHECK .*? CMD (\[.*\])$", IMAGE, re.M)
    _, option, script = yaml.safe_load(words)
    with serving() as served:
        port = served.url.rpartition(":")[2]

        def health() -> int:
            asked = script.replace("8811", port)
            return subprocess.run([sys.executable, option, asked], capture_output=True).returncode

        assert health() == 0
        served.server.jobs._closing = True
        assert get(f"{served.url}/health/ready").status_code == 503
        assert health() != 0
    assert health() != 0


def test_the_image_starts_the_server_on_what_it_exposes() -> None:
    said = dict(re.findall(r"^(ENTRYPOINT|CMD|EXPOSE|USER|VOLUME|STOPSIGNAL) (.*)$", IMAGE, re.M))
    assert yaml.safe_load(said["ENTRYPOINT"]) == ["chatterm"]
    assert yaml.safe_load(said["CMD"])[:2] == ["serve", "--host"]
    assert int(said["EXPOSE"]) == ServeOptions().port
    assert said["USER"] != "root" and said["STOPSIGNAL"] == "SIGTERM"
    assert f"CHATTERM_HOME={said['VOLUME']} " in IMAGE
