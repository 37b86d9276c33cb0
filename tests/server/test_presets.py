"""Presets of sampling come from the settings, and a wrong one keeps the server from starting."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatterm.errors import ConfigError
from chatterm.server.presets import Preset, parse_presets
from tests.server.asking import get
from tests.server.serving import serving


def test_the_usual_ones_are_offered_where_nothing_is_set(home: Path) -> None:
    with serving() as served:
        configs = get(f"{served.url}/configs/model_configs").json()
    names = [one["name"] for one in configs[0]["parameter_configs"]]
    assert names[:3] == ["own", "k50", "k50-Creative"]
    assert names == [preset.name for preset in parse_presets([])]
    sampling = configs[0]["parameter_configs"][1]["sampling_parameters"]
    assert (sampling["top_k"], sampling["typical_p"], sampling["max_new_tokens"]) == (
        50,
        None,
        1024,
    )


def test_those_of_the_settings_take_their_place(home: Path) -> None:
    said = ["brief max_new_tokens=50 temperature=0.2", "own"]
    with serving(presets=said) as served:
        (brief, own) = get(f"{served.url}/configs/model_configs").json()[0]["parameter_configs"]
        old = get(f"{served.url}/configs/models").json()[0]["parameter_configs"][0]
    assert (brief["name"], own["name"]) == ("brief", "own")
    assert brief["sampling_parameters"]["max_new_tokens"] == 50
    assert brief["sampling_parameters"]["temperature"] == 0.2
    assert old["work_parameters"]["temperature"] == 0.2
    assert "max_new_tokens" not in old["work_parameters"]


def test_a_preset_is_a_name_and_values() -> None:
    assert parse_presets(["a top_k=3  top_p=0.5"]) == (Preset("a", {"top_k": 3, "top_p": 0.5}),)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["a top_k=many"], "a: top_k=many"),
        (["a top_p=7"], "a: top_p=7"),
        (["a top_z=7"], "there is no 'top_z'"),
        (["a hot"], "a: hot is not KEY=VALUE"),
        (["top_k=3"], "does not begin with a name"),
        ([" "], "does not begin with a name"),
        (["a", "a top_k=3"], "'a' twice"),
    ],
)
def test_a_wrong_one_is_named(home: Path, texts: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as refused, serving(presets=texts):
        pass
    assert refused.value.hint
