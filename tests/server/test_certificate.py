"""https: certificates that can be used, those that cannot, and a new one while it runs."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from tests.cli.program import chatterm
from tests.server.asking import PATIENCE
from tests.server.program import Program, served_program


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A new certificate of this machine, and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", str(key)]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def options(cert: Path, key: Path) -> Sequence[str]:
    return ["--tls-cert", str(cert), "--tls-key", str(key)]


def is_shown(program: Program, cert: Path) -> bool:
    """Whether the server shows this certificate."""
    context = ssl.create_default_context(cafile=str(cert))
    try:
        return httpx.get(f"{program.url}/health", verify=context).status_code == 200
    except httpx.ConnectError:
        return False


def test_it_speaks_https_and_nothing_old(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "one")
    with served_program(tmp_path, options(cert, key)) as program:
        assert program.url.startswith("https://")
        assert is_shown(program, cert)
        old = ssl.create_default_context(cafile=str(cert))
        old.check_hostname = False
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        address = ("127.0.0.1", int(program.url.rpartition(":")[2]))
        with socket.create_connection(address) as plain, old.wrap_socket(plain) as secure:
            assert secure.version() == "TLSv1.2"
        with pytest.raises(httpx.HTTPError):
            httpx.get(program.url.replace("https:", "http:"))


@pytest.mark.parametrize(
    ("which", "said", "todo"),
    [
        ("other", "is not the one of the certificate", "made together"),
        ("garbage", "is no certificate or key that can be used", "PEM"),
        ("password", "has a password", "openssl pkey"),
        ("nowhere", "cannot be read: No such file", "name a file"),
        ("none", "a certificate and its key go together", "--tls-key"),
    ],
)
def test_one_that_cannot_be_used_is_told_at_the_start(
    which: str, said: str, todo: str, tmp_path: Path
) -> None:
    cert, key = certificate(tmp_path, "one")
    given = spoilt(which, cert, key)
    ran = chatterm("serve", "--port", "0", *given)
    assert ran.code == 2
    assert said in ran.err and todo in ran.err
    assert "serving" not in ran.err


def spoilt(which: str, cert: Path, key: Path) -> Sequence[str]:
    match which:
        case "other":
            return options(cert, certificate(cert.parent, "two")[1])
        case "garbage":
            return options(garbage(cert.parent), key)
        case "password":
            return options(cert, locked(key))
        case "nowhere":
            return options(cert, cert.with_name("nowhere.pem"))
        case _:
            return ["--tls-cert", str(cert)]


def garbage(folder: Path) -> Path:
    file = folder / "garbage.pem"
    file.write_text("-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n")
    return file


def locked(key: Path) -> Path:
    """The key, under a password."""
    file = key.with_name("locked.pem")
    command = ["openssl", "pkey", "-in", str(key), "-aes256", "-passout", "pass:word"]
    subprocess.run([*command, "-out", str(file)], check=True, capture_output=True)
    return file


@pytest.mark.skipif(os.name == "nt", reason="no SIGHUP")
def test_sighup_takes_the_new_certificate_and_keeps_the_old_one_where_it_is_wrong(
    tmp_path: Path,
) -> None:
    cert, key = certificate(tmp_path, "one")
    old = tmp_path / "old.pem"
    old.write_bytes(cert.read_bytes())
    new, new_key = certificate(tmp_path, "two")
    with served_program(tmp_path, options(cert, key), detached=True) as program:
        assert is_shown(program, old)
        cert.write_bytes(new.read_bytes())
        hang_up(program, "stays the old one")
        assert is_shown(program, old), "a certificate without its key is not taken"
        key.write_bytes(new_key.read_bytes())
        hang_up(program, "was read again")
        assert is_shown(program, new)
        assert not is_shown(program, old)
        program.ask_to_stop()
        assert program.ended() == 0


def hang_up(program: Program, until: str) -> None:
    program.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + PATIENCE
    while until not in program.said:
        assert time.monotonic() < end and program.process.poll() is None, program.said
        time.sleep(0.02)
