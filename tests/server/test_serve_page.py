"""docs/serve.md is true."""

from __future__ import annotations

import os
import re
from pathlib import Path

from chatterm.config import load_config
from chatterm.paths import Paths
from chatterm.server.keys import Scope

PAGE = (Path(__file__).parents[2] / "docs" / "serve.md").read_text()


def test_its_settings_are_settings() -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.M | re.S)
    paths = Paths.from_environment(os.environ)
    paths.config_file.parent.mkdir(parents=True)
    paths.config_file.write_text(block)
    assert load_config(paths, os.environ, {}).serve.open_jobs == 4


def test_it_explains_every_scope() -> None:
    assert set(re.findall(r"^\| `([a-z]+)` \|", PAGE, re.M)) == set(Scope)
