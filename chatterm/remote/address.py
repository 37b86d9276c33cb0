"""Addresses of servers: how they are written, and which may be used without encryption."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from chatterm.errors import ConfigError
from chatterm.hints import shown

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """A server's base address; its path has no slash at the end."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def origin(self) -> str:
        """What a key belongs to: scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def url(self) -> str:
        return self.origin + self.path

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_address(text: str) -> Address:
    """Read what a user types; without a scheme it is https, or http to this machine.

    The text may hold a password by mistake, so an error repeats it only where it cannot.
    """
    given = text.strip()
    if "@" in given:
        raise ConfigError(
            "an address must not hold a name or a password",
            hint="give the address alone; chatterm login asks for the rest",
        )
    with_scheme = given if "://" in given else f"https://{given}"
    parts, port = _split(with_scheme, given)
    address = Address(parts.scheme, (parts.hostname or "").lower(), port, parts.path.rstrip("/"))
    if "://" not in given and address.is_loopback:
        return Address("http", address.host, parts.port or _PORTS["http"], address.path)
    return address


def _split(text: str, given: str) -> tuple[SplitResult, int]:
    wrong = ConfigError(
        f"{shown(given)} is not the address of a server", hint="as in https://chat.example.org"
    )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise wrong from error
    odd = any(letter.isspace() or not letter.isprintable() for letter in given)
    if parts.scheme not in _PORTS or not parts.hostname or odd or parts.query or parts.fragment:
        raise wrong
    return parts, port or _PORTS[parts.scheme]
