"""The settings of one server: ``[serve]`` of config.toml under what was typed, and checked."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from chatterm.config import ServeOptions
from chatterm.errors import ConfigError
from chatterm.server.presets import Preset, parse_presets

_NAME = re.compile(r"[a-z0-9_.:-]+", re.ASCII)
_PRIVATE = (".localhost", ".local", ".lan", ".internal", ".home.arpa")
"""Ends of names that the public DNS has none of."""


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """What a server needs to know to let anybody in."""

    options: ServeOptions
    presets: tuple[Preset, ...]

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
    if "*" in options.cors_origins:
        raise ConfigError(
            "serve.cors_origins must name each origin",
            hint="with * any web page could use the server in its reader's name",
        )
    for origin in options.cors_origins:
        _must_be_an_origin(origin)
    for name in options.hosts:
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"serve.hosts: {name!r} is no name of a host",
                hint="as in chat.example.org: in small letters, without https:// and a port",
            )
    for proxy in options.proxies:
        _must_be_addresses(proxy)
    return ServeSettings(options, parse_presets(options.presets))


def _must_be_an_origin(origin: str) -> None:
    scheme, separator, place = origin.partition("://")
    if not (scheme and separator and place) or "/" in place or origin != origin.lower():
        raise ConfigError(
            f"serve.cors_origins: {origin!r} is no origin",
            hint="as in https://chat.example.org: in small letters, without a path or / at the end",
        )


def _must_be_addresses(proxy: str) -> None:
    try:
        ipaddress.ip_network(proxy)
    except ValueError as error:
        raise ConfigError(
            f"serve.proxies: {proxy!r} is no address: {error}",
            hint="as in 127.0.0.1 or 10.0.0.0/8; whoever is named can say who a client is",
        ) from error


def is_of_this_network(host: str) -> bool:
    """Whether a name is one that nobody elsewhere can have, or an address."""
    if "." not in host or host.endswith(_PRIVATE) or host == socket.gethostname().lower():
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
