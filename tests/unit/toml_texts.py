"""Texts that look like TOML, valid and not, for tests that nothing but a ConfigError comes out."""

from __future__ import annotations

from hypothesis import strategies as st

_KEYS = ["model", "params", "output", "color", "temperature", "stop", "version", "models", "echo"]
_KEYS += ["remotes", "backend", "url", "words_per_second", '"a.b"', "params.seed", "output.color"]
_VALUES = ['"text"', "'never'", "0.5", "7", "-1", "true", "[]", '["a", "b"]', "{}", "{ a = 1 }"]
_VALUES += ["nan", "inf", "1e400", "0x" + "f" * 5000, "9" * 5000, "2020-01-01", "07:32:00"]
_VALUES += ['"""\nlong\n"""', "[1, [2, [3]]]", "{ color = 'auto' }", '"\\u0000"', "[" * 3000, "="]
_KEY = st.sampled_from(_KEYS)
_LINE = st.one_of(
    st.builds("{} = {}".format, _KEY, st.sampled_from(_VALUES)),
    st.builds("{}.{} = {}".format, _KEY, _KEY, st.sampled_from(_VALUES)),
    st.builds("[{}]".format, _KEY),
    st.builds("[{}.{}]".format, _KEY, _KEY),
    st.builds("[[{}]]".format, _KEY),
    st.builds("# {}".format, _KEY),
    st.text(max_size=20),
)

toml_bytes = st.one_of(
    st.lists(_LINE, max_size=8).map("\n".join).map(lambda text: text.encode(errors="replace")),
    st.lists(_LINE, max_size=8).map("\r\n".join).map(lambda text: text.encode(errors="replace")),
    st.binary(max_size=50),
)
