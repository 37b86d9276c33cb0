"""What settings there are; which values count is found out in ``config_reading.py``.

The dataclasses are the schema of the command line, of ``CHATTERM_*`` and of ``config.toml``. A new
setting is one field with a docstring below it; its key, its variable, its checks and its line in
``chatterm config show`` follow from that. Nothing secret belongs in here.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from chatterm.errors import ConfigError
from chatterm.hints import nearest, shown
from chatterm.params import Params
from chatterm.tables import (
    at_least,
    checked_value,
    hints_of,
    toml_text,
    value_of_text,
)

PREFIX = "CHATTERM_"


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """How answers are printed."""

    color: Literal["auto", "always", "never"] = "auto"
    """Whether to colour; auto does so on a terminal."""


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """How chats are kept in order."""

    titles: Literal["model", "words"] = "model"
    """Who gives titles: the model of this machine that answered, when idle, or the first words."""


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """What is kept."""

    redact: tuple[str, ...] = ()
    """What is taken out of prompts and files before they are stored or sent: keys, tokens,
    passwords, mails, or regular expressions."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How models on this machine are run."""

    keep_alive: float = 300.0
    """Seconds a model stays loaded after its last answer; 0 lets it go at once, -1 keeps it."""
    context: int = at_least(0, 0)
    """Tokens of context; 0 is as many as fit well into memory."""
    sequences: int = at_least(1, 8)
    """How many chats one model answers, or keeps warm, at once."""
    gpu_layers: int = at_least(-1, -1)
    """Layers on the GPU; -1 is as many as fit."""
    threads: int = at_least(0, 0)
    """Processor threads; 0 is one for each physical core."""
    cache_type: Literal["auto", "f16", "q8_0", "q4_0"] = "auto"
    """How the attention cache is kept: smaller kinds cost precision; auto is f16 where it fits."""
    snapshot_gb: float = at_least(0, 4.0)
    """What snapshots of chats may take on the disk, in GB; 0 keeps none."""
    isolated: bool = True
    """Run llama.cpp in a process of its own; false runs it in this one, for debugging."""


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """How remotes are reached. Proxies are taken from HTTPS_PROXY and its like."""

    ca_file: str = ""
    """A file of certificates to trust as well, such as a company's."""
    connect_seconds: float = at_least(0.1, 10.0)
    """How long making a connection may take."""
    reply_seconds: float = at_least(0.1, 30.0)
    """How long a short reply, such as a list of models, may take."""
    first_seconds: float = at_least(0.1, 600.0)
    """How long a remote may take before it begins to answer."""
    idle_seconds: float = at_least(0.1, 120.0)
    """How long an answer that has begun may be silent."""
    answer_seconds: float = at_least(0.1, 3600.0)
    """How long a whole answer may take."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How chatterm serve answers others."""

    host: str = "127.0.0.1"
    """The address it listens on; any other than loopback needs users, or no_auth."""
    port: int = at_least(0, 8811)
    """The port; 0 takes a free one."""
    no_auth: bool = False
    """Let everybody in who can reach it."""
    by_name: bool = False
    """Let users in by their name alone, as old Open-Assistant clients do; for trusted networks."""
    models: tuple[str, ...] = ()
    """The models it offers; empty is all of this machine."""
    presets: tuple[str, ...] = ()
    """Ways of sampling that Open-Assistant clients choose by name, each a name and KEY=VALUE; they
    take the first where nobody chose, and one without values is what the model itself prefers.
    Empty is those that Open-Assistant had."""
    cors_origins: tuple[str, ...] = ()
    """Web pages that may ask it, as https://chat.example.org; empty is none."""
    hosts: tuple[str, ...] = ()
    """Names that it answers to where nobody logs in, beside those of this machine and network."""
    proxies: tuple[str, ...] = ()
    """Addresses of proxies whose X-Forwarded-For is believed, as 127.0.0.1 or 10.0.0.0/8."""
    tls_cert: str = ""
    """A file with its certificate; with it, it speaks https."""
    tls_key: str = ""
    """The file with the certificate's key."""
    queue_size: int = at_least(1, 64)
    """Answers that may wait, of all users together."""
    open_jobs: int = at_least(1, 16)
    """Answers that one user may have waiting or being written."""
    wait_seconds: float = at_least(1, 600.0)
    """How long an answer may wait for its turn."""
    answer_seconds: float = at_least(1, 3600.0)
    """How long writing one answer may take."""
    keep_seconds: float = at_least(0, 600.0)
    """How long the pieces of a finished answer are kept for clients that come back."""
    responses_days: float = at_least(0, 30.0)
    """How long stored responses and chat completions of OpenAI's clients are kept, unless one goes
    on from them; 0 keeps them until they are deleted. Conversations and chats stay."""
    grace_seconds: float = at_least(0, 30.0)
    """How long answers may go on when the server is asked to stop."""
    requests_per_minute: int = at_least(0, 600)
    """Requests of one user in a minute; 0 sets no limit."""
    tokens_per_day: int = at_least(0, 0)
    """Tokens read and written for one user in a day; 0 sets no limit."""
    body_mb: float = at_least(0.001, 32.0)
    """How large a request may be, in MB."""
    message_chars: int = at_least(1, 1_000_000)
    """How long one message may be."""
    chat_messages: int = at_least(1, 10_000)
    """How many messages one chat may have."""
    log: Literal["plain", "json", "off"] = "plain"
    """How it logs requests to stderr; never what is in them."""
    login_minutes: int = at_least(1, 60)
    """How long a login lasts before it is refreshed."""
    refresh_days: int = at_least(1, 7)
    """How long a login can be refreshed without a password."""


@dataclass(frozen=True, slots=True)
class TuiSettings:
    """How the full-screen program looks and feels."""

    theme: str = "auto"
    """auto (as the terminal is), dark, light, contrast, or a file of yours in the folder themes
    beside config.toml."""
    vim: bool = False
    """Edit messages with vim's keys."""
    mouse: bool = True
    """Whether the mouse scrolls and selects; false leaves it to the terminal."""


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting, frozen; it is passed to whoever needs it."""

    model: str = "guide"
    """The model of a new chat."""
    system: str = ""
    """The system prompt of a new chat."""
    params: Params = field(default_factory=Params)
    """How answers are written."""
    output: OutputSettings = field(default_factory=OutputSettings)
    """How answers are printed."""
    chats: ChatOptions = field(default_factory=ChatOptions)
    """How chats are kept in order."""
    store: StoreOptions = field(default_factory=StoreOptions)
    """What is kept."""
    engine: EngineOptions = field(default_factory=EngineOptions)
    """How models on this machine are run."""
    tui: TuiSettings = field(default_factory=TuiSettings)
    """How the full-screen program looks and feels."""
    network: NetworkOptions = field(default_factory=NetworkOptions)
    """How remotes are reached."""
    serve: ServeOptions = field(default_factory=ServeOptions)
    """How chatterm serve answers others."""
    offline: bool = False
    """Forbid every use of the network."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the schema."""

    key: str
    hint: Any
    default: Any
    is_param: bool
    low: float = -math.inf

    @property
    def variable(self) -> str:
        return PREFIX + self.key.upper().replace(".", "_")

    def check(self, value: object, where: str) -> Any:
        """A value of a file; ``where`` begins the sentence of an error."""
        checked = self._checked(value, where)
        is_quoted = isinstance(value, str) and isinstance(checked, bool | int | float)
        if self.is_param and is_quoted:
            name = self.key.rpartition(".")[2]
            raise ConfigError(
                f"{where}{self.key} must not be in quotes",
                hint=f"write {name} = {toml_text(checked)}",
            )
        return checked

    def check_text(self, value: str | Sequence[str], where: str) -> Any:
        """A value of a variable or the command line, where everything is text."""
        if isinstance(value, str) and not self.is_param:
            return self._checked(value_of_text(self.hint, value), where)
        return self._checked(value, where)

    def _checked(self, value: object, where: str) -> Any:
        if not self.is_param:
            return checked_value(self.hint, value, where + self.key, low=self.low)
        name = self.key.rpartition(".")[2]
        try:
            return getattr(Params.parse({name: value}), name)
        except ConfigError as error:
            # The message begins with the parameter's name.
            raise ConfigError(f"{where}params.{error.message}", hint=error.hint) from error


def find_setting(key: str, where: str = "") -> Setting:
    """The setting of that dotted key."""
    found = schema().get(key)
    if found is None:
        tables = dict.fromkeys(name.partition(".")[0] for name in schema())
        raise ConfigError(
            f"{where}there is no setting {shown(key)}",
            hint=nearest(key, schema(), otherwise=f"known: {', '.join(tables)}"),
        )
    return found


@functools.cache
def schema() -> Mapping[str, Setting]:
    """Every setting by its dotted key, in the order of the dataclasses."""
    return {setting.key: setting for setting in _settings_of(Config, "")}


def _settings_of(cls: type, prefix: str) -> list[Setting]:
    settings = []
    defaults = cls()
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for name, hint in hints_of(cls).items():
        key = prefix + name
        if dataclasses.is_dataclass(hint):
            settings += _settings_of(hint, f"{key}.")  # type: ignore[arg-type]
        else:
            low = fields[name].metadata.get("low", -math.inf)
            settings.append(Setting(key, hint, getattr(defaults, name), cls is Params, low))
    return settings
