"""The settings of one server: ``[serve]`` of config.toml under what was typed, and checked."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chatterm.config import ServeOptions
from chatterm.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """What a server needs to know to let anybody in."""

    options: ServeOptions

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.options.host)

    @property
    def scheme(self) -> str:
        return "https" if self.options.tls_cert else "http"

    def url(self, port: int) -> str:
        """Where this machine reaches it."""
        host = self.options.host
        if host in ("0.0.0.0", "::", ""):  # noqa: S104
            host = "127.0.0.1"
        if ":" in host:
            host = f"[{host}]"
        return f"{self.scheme}://{host}:{port}"

    def lets_everybody_in(self, *, has_users: bool) -> bool:
        """Whether nobody has to say who they are. ConfigError where that would be careless."""
        if self.options.no_auth:
            return True
        if has_users:
            return False
        if self.is_loopback:
            return True
        raise ConfigError(
            f"{self.options.host} can be reached from other machines, and nobody has an account",
            hint="add one with chatterm users add NAME, or let everybody in with --no-auth",
        )


def serve_settings(options: ServeOptions, typed: Mapping[str, Any]) -> ServeSettings:
    """The settings that count; in ``typed`` None is what was not given."""
    options = replace(options, **{key: v for key, v in typed.items() if v is not None})
    if not 0 <= options.port <= 65535:
        raise ConfigError(f"{options.port} is no port", hint="ports go from 0 to 65535")
    if bool(options.tls_cert) != bool(options.tls_key):
        raise ConfigError(
            "a certificate and its key go together", hint="give both --tls-cert and --tls-key"
        )
    for file in (options.tls_cert, options.tls_key):
        if file and not Path(file).expanduser().is_file():
            raise ConfigError(f"there is no file {file}")
    if "*" in options.cors_origins:
        raise ConfigError(
            "serve.cors_origins must name each origin",
            hint="with * any web page could use the server in its reader's name",
        )
    return ServeSettings(options)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
