"""Where files live: config, data, state, cache and runtime, each in the place the platform wants.

``CHATTERM_HOME`` puts all of them under one folder. Reading the places creates nothing; whoever
writes calls ``private_dir`` or ``write_private``, which let OSError through for the caller to
translate. Without ``CHATTERM_HOME`` platformdirs looks at the real environment, not at ``env``.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chatterm.errors import ConfigError

SOCKET_NAME_BYTES = 40
"""The longest file name a socket in ``Paths.sockets`` may have."""

_SOCKET_PATH_BYTES = 103
"""What the smallest ``sun_path`` holds (macOS and the BSDs; Linux has 4 more), without the NUL."""

_SOCKETS_PARENT = Path("/tmp")  # noqa: S108
"""Not TMPDIR: two processes that share a socket may disagree on that. Its folder is checked."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The five folders, and the files that are known by name."""

    config: Path
    data: Path
    state: Path
    cache: Path
    runtime: Path
    config_override: Path | None = None
    """The file that ``CHATTERM_CONFIG`` names."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Paths:
        chosen = env.get("CHATTERM_CONFIG")
        override = _absolute("CHATTERM_CONFIG", chosen) if chosen else None
        if env.get("CHATTERM_HOME"):
            home = _absolute("CHATTERM_HOME", env["CHATTERM_HOME"])
            return cls(
                config=home / "config",
                data=home / "data",
                state=home / "state",
                cache=home / "cache",
                runtime=home / "runtime",
                config_override=override,
            )
        return _platform_paths(override)

    @property
    def config_file(self) -> Path:
        return self.config_override or self.config / "config.toml"

    @property
    def user_models_file(self) -> Path:
        """The user's own models; ``CHATTERM_CONFIG`` does not move it."""
        return self.config / "models.toml"

    @property
    def templates_dir(self) -> Path:
        return self.config / "templates"

    @property
    def database(self) -> Path:
        return self.data / "chatterm.db"

    @property
    def server_database(self) -> Path:
        """What ``chatterm serve`` keeps: its users, their keys and chats."""
        return self.data / "server.db"

    @property
    def credentials(self) -> Path:
        """Keys of remotes, where the system has no keyring for them."""
        return self.data / "credentials.json"

    @property
    def models_dir(self) -> Path:
        return self.data / "models"

    @property
    def log_dir(self) -> Path:
        return self.state

    @property
    def snapshots(self) -> Path:
        return self.cache / "snapshots"

    @property
    def sockets(self) -> Path:
        """A folder for Unix sockets: ``runtime``, or a short stand-in where that is too long.

        A socket's whole path has to fit into about 100 bytes. The stand-in's name is a hash, so
        everybody who uses the same ``runtime`` finds the same sockets.
        """
        room = _SOCKET_PATH_BYTES - len("/") - SOCKET_NAME_BYTES
        name = os.fsencode(self.runtime)
        if sys.platform == "win32" or len(name) <= room:
            return self.runtime
        import hashlib

        digest = hashlib.sha256(name).hexdigest()[:16]
        return _SOCKETS_PARENT / f"chatterm-{os.geteuid()}-{digest}"


def private_dir(path: Path) -> Path:
    """Create a folder that only its user may look into, and return it.

    In a folder that everybody may write to, somebody else may have made it first, to read what is
    put there; that is a PermissionError.
    """
    _make_private(path)
    if sys.platform != "win32":
        _keep_private(path)
    return path


def write_private(path: Path, text: str) -> None:
    """Replace a file at once and durably, readable by its user alone; a link keeps its place."""
    import tempfile

    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    _make_private(target.parent)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _absolute(variable: str, text: str) -> Path:
    """The same place for every process, whatever folder it was started in."""
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise ConfigError(
            f"{variable} names a home folder that does not exist: {text}",
            hint="write the whole path",
        ) from error


def _platform_paths(override: Path | None) -> Paths:
    # `chatterm --version` and everything under CHATTERM_HOME do without this import.
    from platformdirs import PlatformDirs

    dirs = PlatformDirs("chatterm", appauthor=False)
    state = Path(dirs.user_state_dir)
    try:
        # Without XDG_RUNTIME_DIR (a container, a cron job) platformdirs warns; its choice is good.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runtime = Path(dirs.user_runtime_dir)
    except PermissionError:
        # Somebody else made the folder in /tmp first. That must not keep anybody from chatting.
        runtime = state / "runtime"
    return Paths(
        config=Path(dirs.user_config_dir),
        data=Path(dirs.user_data_dir),
        state=state,
        cache=Path(dirs.user_cache_dir),
        runtime=runtime,
        config_override=override,
    )


def _make_private(path: Path) -> None:
    """Create a folder and the missing ones above it; ``mkdir(parents=True)`` leaves those open."""
    if path.is_dir():
        return
    if path.parent != path:
        _make_private(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def _keep_private(path: Path) -> None:
    shared = bool(path.parent.stat().st_mode & stat.S_IWOTH)
    found = path.lstat() if shared else path.stat()
    mine = found.st_uid == os.geteuid()
    if shared and not (mine and stat.S_ISDIR(found.st_mode)):
        raise PermissionError(errno.EACCES, "the folder belongs to somebody else", str(path))
    # Elsewhere a folder of another owner is a choice, such as a volume of a container.
    if mine and stat.S_IMODE(found.st_mode) & 0o077:
        path.chmod(0o700)
