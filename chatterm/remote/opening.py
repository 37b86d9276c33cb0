"""Opens a remote as a backend, out of its entry in the catalogue and what the settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatterm.catalog import RemoteEntry
from chatterm.config import Config
from chatterm.paths import Paths
from chatterm.remote._http import Http, Limits
from chatterm.remote.address import Address, parse_address
from chatterm.remote.auth import CredentialStore, system_keyring

if TYPE_CHECKING:
    from chatterm.remote.ollama import OllamaBackend
    from chatterm.remote.openai import OpenAIBackend
    from chatterm.remote.openassistant.api import Api
    from chatterm.remote.openassistant.backend import OpenAssistantBackend


def open_remote(
    entry: RemoteEntry, config: Config, paths: Paths
) -> OpenAIBackend | OllamaBackend | OpenAssistantBackend:
    """The backend that answers with the models of a remote; nothing is asked of it yet."""
    if entry.kind == "openassistant":
        from chatterm.remote.openassistant.backend import OpenAssistantBackend

        return OpenAssistantBackend(open_api(entry, config, paths))
    http = open_http(entry, config)
    store = credential_store(paths)
    if entry.kind == "openai":
        from chatterm.remote.openai import OpenAIBackend

        send_key(http, store)
        return OpenAIBackend(http)
    from chatterm.remote.ollama import OllamaBackend

    send_key(http, store)
    return OllamaBackend(http)


def open_api(entry: RemoteEntry, config: Config, paths: Paths) -> Api:
    """The chats that lie on an Open-Assistant server."""
    from chatterm.remote.openassistant.access import Access
    from chatterm.remote.openassistant.api import Api

    return Api(Access(open_http(entry, config), credential_store(paths)))


def open_http(entry: RemoteEntry, config: Config) -> Http:
    """A connection to a remote, without its key."""
    return http_at(entry.name, parse_address(entry.url), config, insecure=entry.insecure)


def http_at(name: str, address: Address, config: Config, *, insecure: bool) -> Http:
    """A connection to an address, of which a remote may be made."""
    return Http(
        name,
        address,
        limits=_limits_of(config),
        ca_file=config.network.ca_file,
        offline=config.offline,
        insecure=insecure,
    )


def _limits_of(config: Config) -> Limits:
    network = config.network
    return Limits(
        connect=network.connect_seconds,
        reply=network.reply_seconds,
        first=network.first_seconds,
        idle=network.idle_seconds,
        answer=network.answer_seconds,
    )


def credential_store(paths: Paths) -> CredentialStore:
    return CredentialStore(paths.credentials, system_keyring())


def send_key(http: Http, store: CredentialStore) -> None:
    """Let the key that was given for this very server go with every request."""
    found = store.get(http.name, http.address.origin)
    if found is not None and found.access:
        http.authorise({"Authorization": f"Bearer {found.access}"})
