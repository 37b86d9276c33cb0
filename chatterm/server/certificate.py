"""The certificate that the server shows, which may be renewed while it runs."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from chatterm.errors import ConfigError
from chatterm.server.settings import ServeSettings


@dataclass(frozen=True, slots=True)
class Certificate:
    """Two files, and the context in which connections use them."""

    cert: Path
    key: Path
    context: ssl.SSLContext

    def read(self) -> None:
        """Take both files as they are now; where that fails, the ones before stay in use."""
        # Tried first, since a context that was given a certificate without its key has neither.
        _load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self.cert, self.key)
        _load(self.context, self.cert, self.key)


def certificate(settings: ServeSettings) -> Certificate | None:
    """The one of the settings; ConfigError where it cannot be used."""
    options = settings.options
    if not options.tls_cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    cert, key = Path(options.tls_cert).expanduser(), Path(options.tls_key).expanduser()
    found = Certificate(cert, key, context)
    found.read()
    return found


def _load(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    def no_password() -> str:
        raise ConfigError(
            f"the key in {key} has a password, which nobody is there to type",
            hint=f"take it off: openssl pkey -in {key} -out NEW",
        )

    try:
        for file in (cert, key):
            file.open("rb").close()
        context.load_cert_chain(cert, key, no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                f"the key in {key} is not the one of the certificate in {cert}",
                hint="name the two files that were made together",
            ) from error
        raise ConfigError(
            f"{cert} or {key} is no certificate or key that can be used: {error.reason or error}",
            hint="both have to be PEM files; the certificate comes first, then those above it",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{error.filename or cert} cannot be read: {error.strerror or error}",
            hint="name a file that the user of the server has the right to read",
        ) from error
