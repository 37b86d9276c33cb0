"""How a model is opened so that it fits: what is chosen, what it is said to take, what it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chatterm.engine.fit import Wish, plan, what_changes_it
from chatterm.engine.gguf import GgufHeader, read_header
from chatterm.engine.hosts import running
from chatterm.engine.machine import Device, Machine
from chatterm.engine.memory_need import Need
from chatterm.engine.runtime import LlamaRuntime
from chatterm.engine.settings import EngineSettings
from chatterm.errors import EngineError
from chatterm.events import Notice
from chatterm.messages import Message, Request, Role
from chatterm.params import Params
from tests.engines import Engine
from tests.engines import engine as engine
from tests.engines import tiny as tiny
from tests.ggufs import make_bert, make_gguf

GB = 10**9
MB = 10**6


@pytest.fixture(scope="module")
def header(tmp_path_factory: pytest.TempPathFactory) -> GgufHeader:
    path = tmp_path_factory.mktemp("fit") / "m.gguf"
    made = make_gguf(path, layers=8, width=256, heads=4, kv_heads=2, ff=512, context=131_072)
    return read_header(made)


def grown(header: GgufHeader, times: int) -> GgufHeader:
    """The same shape with heavier weights."""
    weights = header.weights
    return replace(
        header,
        weights=replace(
            weights,
            layers=tuple(size * times for size in weights.layers),
            input=weights.input * times,
            output=weights.output * times,
        ),
    )


def machine(ram: int, *gpus: int, shared: bool = False) -> Machine:
    devices = tuple(Device(f"GPU {size}", size, size, shared) for size in gpus)
    return Machine(ram, ram, devices, "x86_64")


def test_a_large_gpu_takes_all_of_it_with_much_context(header: GgufHeader) -> None:
    chosen = plan(header, machine(64 * GB, 24 * GB))
    assert (chosen.gpu_layers, chosen.layers, chosen.context) == (9, 9, 32_768)
    assert (chosen.cache_type, chosen.verdict, chosen.warning) == ("f16", "yes", "")
    assert chosen.line().startswith("9/9 layers on GPU, 32k context, ")
    assert chosen.line().endswith(" of 24 GB")


def test_a_small_gpu_takes_what_fits_and_the_rest_stays_outside(header: GgufHeader) -> None:
    heavy = grown(header, 500)
    chosen = plan(heavy, machine(64 * GB, 6 * GB))
    assert 0 < chosen.gpu_layers < 9
    assert chosen.gpu_bytes <= 6 * GB
    assert chosen.verdict == "partly"
    assert f"only {chosen.gpu_layers} of 9 layers" in chosen.warning
    assert chosen.gpu_layers < plan(heavy, machine(64 * GB, 9 * GB)).gpu_layers


def test_two_gpus_are_used_together(header: GgufHeader) -> None:
    heavy = grown(header, 300)
    one, two = machine(64 * GB, 5 * GB), machine(64 * GB, 5 * GB, 5 * GB)
    assert plan(heavy, one).gpu_layers < plan(heavy, two).gpu_layers == 9


def test_less_context_is_taken_before_layers_leave_the_gpu(header: GgufHeader) -> None:
    sizes = {plan(header, machine(64 * GB, ram)).context for ram in range(300 * MB, GB, 20 * MB)}
    assert {32_768, 16_384, 8192} <= sizes
    need = Need(header)
    exact = need.gpu_weights(9) + need.compute(8192) + need.cache(8192, "f16")
    tight = plan(header, machine(64 * GB, int((exact + (257 << 20)) / 0.9)))
    assert (tight.gpu_layers, tight.context, tight.cache_type) == (9, 8192, "f16")


def test_a_smaller_cache_is_taken_where_the_whole_model_then_fits(header: GgufHeader) -> None:
    need = Need(header)
    exact = need.gpu_weights(9) + need.compute(8192) + need.cache(8192, "q8_0")
    chosen = plan(header, machine(64 * GB, int((exact + (257 << 20)) / 0.9)))
    assert (chosen.gpu_layers, chosen.cache_type) == (9, "q8_0")
    assert "8k context in q8_0" in chosen.line()
    fixed = plan(header, chosen.machine, Wish(cache_type="f16"))
    assert fixed.gpu_layers < 9


def test_without_a_gpu_it_runs_on_the_processor(header: GgufHeader) -> None:
    chosen = plan(header, machine(16 * GB))
    assert (chosen.gpu_layers, chosen.context, chosen.gpu_bytes) == (0, 16_384, 0)
    assert chosen.line() == f"on the processor, 16k context, {chosen.bytes / 1e9:.1f} of 16 GB"


def test_a_short_training_is_never_exceeded(tmp_path: Path) -> None:
    short = read_header(make_gguf(tmp_path / "s.gguf", context=3000))
    assert plan(short, machine(16 * GB)).context == 3000
    assert plan(short, machine(16 * GB, 16 * GB)).context == 3000


def test_what_the_user_set_stays(header: GgufHeader) -> None:
    roomy = machine(64 * GB, 24 * GB)
    chosen = plan(header, roomy, Wish(context=5000, gpu_layers=3, cache_type="q4_0"))
    assert (chosen.context, chosen.gpu_layers, chosen.cache_type) == (5000, 3, "q4_0")
    assert plan(header, roomy, Wish(gpu_layers=0)).gpu_bytes == 0
    assert plan(header, roomy, Wish(gpu_layers=99)).gpu_layers == 9
    assert plan(header, machine(16 * GB), Wish(context=65_536)).context == 65_536


def test_what_does_not_fit_is_said(header: GgufHeader) -> None:
    chosen = plan(grown(header, 5000), machine(8 * GB))
    assert chosen.verdict == "no"
    assert "8 GB are free" in chosen.warning
    assert "slow" in chosen.warning
    assert plan(grown(header, 5000), machine(8 * GB, 8 * GB)).verdict == "no"


def test_one_memory_for_both_is_counted_once(header: GgufHeader) -> None:
    heavy = grown(header, 400)
    apart = plan(heavy, machine(9 * GB, 9 * GB), Wish(gpu_layers=4))
    together = plan(heavy, machine(9 * GB, 9 * GB, shared=True), Wish(gpu_layers=4))
    assert apart.fits
    assert not together.fits
    assert plan(header, machine(16 * GB, 12 * GB, shared=True)).line().endswith("of 16 GB")


def test_what_would_change_the_plan_is_listed(header: GgufHeader) -> None:
    roomy = machine(64 * GB, 24 * GB)
    chosen = plan(header, roomy)
    changes = dict(what_changes_it(header, roomy, Wish(), chosen))
    assert changes["engine.context=65536"].gpu_bytes > chosen.gpu_bytes
    assert changes["engine.context=16384"].context == 16_384
    assert changes["engine.cache_type=q8_0"].gpu_bytes < chosen.gpu_bytes
    assert changes["engine.gpu_layers=0"].gpu_bytes == 0
    small = machine(64 * GB, 500 * MB)
    heavy = grown(header, 10)
    least = dict(what_changes_it(heavy, small, Wish(), plan(heavy, small)))
    assert not least["engine.gpu_layers=9"].fits


# -- what it takes ---------------------------------------------------------------------------


def described(path: Path, arch: str, metadata: Mapping[str, object], **shape: Any) -> Need:
    keys = {f"{arch}.{key}": value for key, value in metadata.items()}
    return Need(read_header(make_gguf(path, arch=arch, metadata=keys, **shape)))


def test_grouped_heads_keep_less(tmp_path: Path) -> None:
    few = read_header(make_gguf(tmp_path / "a.gguf", heads=4, kv_heads=1))
    many = read_header(make_gguf(tmp_path / "b.gguf", heads=4, kv_heads=4))
    assert Need(many).cache(2048, "f16") == 4 * Need(few).cache(2048, "f16")
    assert Need(few).cache(2048, "f16") == 2048 * 2 * (16 + 16) * 2
    assert Need(few).cache(2048, "q8_0") == Need(few).cache(2048, "f16") * 17 // 32
    assert Need(few).cache(100, "f16") == Need(few).cache(256, "f16")


def test_compressed_attention_keeps_one_latent(tmp_path: Path) -> None:
    keys = {
        "attention.key_length_mla": 32,
        "attention.value_length_mla": 32,
        "attention.key_length": 40,
        "attention.value_length": 32,
    }
    need = described(tmp_path / "m.gguf", "deepseek2", keys)
    assert need.cache(2048, "f16") == 2048 * 2 * 40 * 2


def test_windows_may_have_heads_of_their_own_and_layers_may_share(tmp_path: Path) -> None:
    keys: dict[str, object] = {
        "attention.key_length": 64,
        "attention.value_length": 64,
        "attention.key_length_swa": 16,
        "attention.value_length_swa": 16,
        "attention.sliding_window": 512,
        "attention.sliding_window_pattern": [True, True, False, True],
        "attention.shared_kv_layers": 1,
    }
    need = described(tmp_path / "m.gguf", "gemma4", keys, layers=4)
    assert need.cache(256, "f16") == 256 * (32 + 32 + 128) * 2


def test_hybrids_keep_a_state_where_they_have_no_attention(tmp_path: Path) -> None:
    mamba = {"ssm.inner_size": 128, "ssm.state_size": 16, "ssm.conv_kernel": 4}
    qwen = described(
        tmp_path / "q.gguf",
        "qwen35",
        {**mamba, "ssm.group_count": 2, "full_attention_interval": 4},
        layers=8,
    )
    state = 3 * (128 + 2 * 2 * 16) + 16 * 128
    assert qwen.state() == 6 * state * 4 * 8
    assert qwen.cache(256, "f16") == 256 * 2 * (32 + 32) * 2
    lfm = Need(
        read_header(make_gguf(tmp_path / "l.gguf", arch="lfm2", layers=2, metadata={})),
    )
    assert lfm.state() == 0
    granite = described(tmp_path / "g.gguf", "granitehybrid", mamba, layers=2)
    assert granite.state() > 0


def test_odd_metadata_is_no_obstacle(tmp_path: Path) -> None:
    odd = {
        "feed_forward_length": [64, 128],
        "ssm.inner_size": "many",
        "attention.shared_kv_layers": [1, 2],
        "attention.sliding_window_pattern": 6,
        "expert_feed_forward_length": 1.5,
    }
    plain = Need(read_header(make_gguf(tmp_path / "p.gguf")))
    need = described(tmp_path / "o.gguf", "other", odd)
    assert need.cache(2048, "f16") == plain.cache(2048, "f16")
    assert need.compute(2048) == plain.compute(2048)


def test_encoders_keep_nothing(tmp_path: Path) -> None:
    need = Need(read_header(make_bert(tmp_path / "b.gguf")))
    assert need.cache(512, "f16") == need.output() == need.state() == 0
    assert need.compute(512) > 0


def test_weights_go_to_the_gpu_from_the_end(header: GgufHeader) -> None:
    need = Need(header)
    weights = header.weights
    assert need.gpu_weights(0) == 0
    assert need.gpu_weights(1) == weights.output
    assert need.gpu_weights(2) == weights.output + weights.layers[-1]
    assert need.gpu_weights(9) == weights.output + sum(weights.layers)
    tied = Need(replace(header, weights=replace(weights, tied=True)))
    assert tied.gpu_weights(9) == need.gpu_weights(9) + weights.input
    assert tied.gpu_file_bytes(9) == need.gpu_weights(9)


SHAPES: dict[str, dict[str, Any]] = {
    "grouped": {"layers": 4, "width": 256, "heads": 8, "kv_heads": 2, "ff": 768},
    "wide": {"layers": 2, "width": 512, "heads": 8, "kv_heads": 8, "ff": 2048},
    "words": {"layers": 2, "width": 128, "heads": 4, "kv_heads": 4, "vocab": 8192},
    "experts": {"layers": 2, "width": 256, "heads": 4, "kv_heads": 2, "ff": 256, "experts": 8},
    "window": {"layers": 6, "width": 256, "heads": 4, "kv_heads": 2, "arch": "gemma3"},
    "recurrent": {"layers": 2, "width": 256, "arch": "mamba"},
    "quantised": {"layers": 2, "width": 256, "heads": 4, "kv_heads": 4, "quant": "Q8_0"},
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("context", [512, 8192])
def test_the_estimate_is_what_the_library_takes(name: str, context: int, tmp_path: Path) -> None:
    path = make_gguf(tmp_path / "m.gguf", context=8192, **SHAPES[name])
    chosen = plan(read_header(path), machine(64 * GB), Wish(context=context))
    runtime = LlamaRuntime(EngineSettings(str(path), context=context))
    try:
        took = runtime.buffers_mb * 1e6
    finally:
        runtime.close()
    need = Need(read_header(path))
    estimated = need.header.weights.total + need.cache(context, "f16") + need.state()
    estimated += need.compute(context) + need.output() + need.repacked("x86_64")
    assert estimated == pytest.approx(took, rel=0.1)
    assert chosen.bytes > need.header.weights.total + need.cache(context, "f16")


# -- in the engine ---------------------------------------------------------------------------


def asked(text: str) -> Request:
    message = Message("m", None, Role.USER, text, 0.0)
    return Request("tiny", (message,), "a", Params(max_tokens=2, temperature=0.0))


async def events_of(engine: Engine) -> list[object]:
    return [event async for event in engine.backend().stream(asked("hi"))]


async def test_the_engine_opens_by_the_plan_and_says_so(engine: Callable[..., Engine]) -> None:
    one = engine()
    await events_of(one)
    (host,) = await running(one.home)
    assert host["context"] == 2048
    assert host["plan"].startswith("on the processor, 2k context, ")
    assert host["estimated_mb"] > host["buffers_mb"]


async def test_a_context_that_no_machine_could_hold_is_refused_before_it_is_taken(
    engine: Callable[..., Engine],
) -> None:
    one = engine()
    path = (Message("u", None, Role.USER, "hello", 0.0),)
    request = Request("tiny", path, "a", Params(context=2_000_000_000))
    with pytest.raises(
        EngineError, match=r"a context of 2,000,000,000 tokens needs about [\d,.]+ GB"
    ):
        async for _ in one.backend().stream(request):
            pass
    assert await running(one.home) == []


async def test_an_answer_says_once_that_memory_is_short(
    engine: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatterm.engine.service.machine_with", lambda _: machine(MB))
    one = engine(isolated=False)
    first = await events_of(one)
    (notice,) = [event for event in first if isinstance(event, Notice)]
    assert notice.kind == "memory"
    assert "expect it to be very slow" in notice.text
    again = await events_of(one)
    assert not [event for event in again if isinstance(event, Notice)]
    await asyncio.sleep(0)
