"""Parameters under a name: a few shipped ones and the user's ``presets.toml``.

[precise]
temperature = 0
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from chatterm.errors import ConfigError
from chatterm.hints import shown
from chatterm.params import Params
from chatterm.paths import write_private
from chatterm.tables import decoded, read_toml

SHIPPED: Mapping[str, Params] = {
    "precise": Params(temperature=0.0),
    "lively": Params(temperature=1.0, min_p=0.05),
}


def load_presets(file: Path) -> dict[str, Params]:
    """Every preset by name; the user's win over shipped ones of their name."""
    presets = dict(SHIPPED)
    for name, table in (read_toml(file) or {}).items():
        if not isinstance(table, Mapping):
            raise ConfigError(
                f"{file}: {name} must be a table, not {shown(table)}", hint=f"begin it [{name}]"
            )
        try:
            presets[name] = Params.parse(table)
        except ConfigError as error:
            raise ConfigError(f"{file}: [{name}]: {error.message}", hint=error.hint) from error
    return presets


def save_preset(file: Path, name: str, params: Params) -> None:
    """Write one preset; the rest of the file stays as it is."""
    import tomlkit

    text = decoded(file.read_bytes(), file) if file.exists() else ""
    document = tomlkit.parse(text)
    table = tomlkit.table()
    for key, value in params.as_dict().items():
        table[key] = list(value) if isinstance(value, tuple) else value
    document[name] = table
    try:
        write_private(file, tomlkit.dumps(document))
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror or error}") from error
