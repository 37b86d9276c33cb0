"""The header reader: what it finds in good files, and what it says about bad ones."""

from __future__ import annotations

import os
import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatterm.engine.gguf import join_shards, read_array, read_header
from chatterm.engine.gguf_values import Skipped
from chatterm.errors import ModelError
from tests.ggufs import CHATML, make_bert, make_gguf, truncated
from tests.headers import (
    ARRAY,
    BOOL,
    F32,
    LLAMA,
    STRING,
    U32,
    U64,
    array,
    file_of,
    string,
    text,
    u32,
    vocabulary_entries,
)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def to_file(data: bytes) -> Path:
        path = tmp_path / "model.gguf"
        path.write_bytes(data)
        return path

    return to_file


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        read_header(path)
    assert caught.value.hint
    return caught.value.message


def test_a_model_is_described_by_its_header(tmp_path: Path) -> None:
    path = make_gguf(
        tmp_path / "m.gguf", layers=3, heads=4, kv_heads=2, quant="Q8_0", name="Tiny One"
    )
    header = read_header(path)
    assert (header.architecture, header.name, header.version) == ("llama", "Tiny One", 3)
    assert (header.quantisation, header.tokenizer, header.vocab_size) == ("Q8_0", "gpt2", 768)
    assert (header.context_length, header.block_count, header.embedding_length) == (2048, 3, 64)
    assert (header.head_counts, header.kv_head_counts) == ((4, 4, 4), (2, 2, 2))
    assert (header.key_length, header.value_length) == (16, 16)
    assert header.chat_template == CHATML
    assert header.pooling is None
    assert (header.split_no, header.split_count) == (0, 1)
    assert header.number("feed_forward_length") == 128
    assert header.text("tokenizer.ggml.pre") == "gpt-2"


def test_weights_are_counted_for_each_layer(tmp_path: Path) -> None:
    header = read_header(make_gguf(tmp_path / "m.gguf", quant="F16"))
    attention = 64 * 64 * 2 + 64 * 32 * 2
    layer = (attention + 3 * 64 * 128) * 2 + 2 * 64 * 4
    assert header.weights.layers == (layer, layer)
    assert header.weights.input == 768 * 64 * 2
    assert header.weights.output == 768 * 64 * 2 + 64 * 4
    assert header.weights.total == sum(tensor.size for tensor in header.tensors)
    assert header.weights.parameters == 2 * (attention + 3 * 64 * 128 + 128) + 2 * 768 * 64 + 64
    assert not header.weights.tied


def test_a_model_without_an_output_matrix_is_tied(write: Callable[[bytes], Path]) -> None:
    path = write(file_of([LLAMA], [("token_embd.weight", (32, 2), 0, 0)], weights=256))
    assert read_header(path).weights.tied


def test_long_arrays_are_counted_and_read_only_on_demand(tmp_path: Path) -> None:
    header = read_header(make_gguf(tmp_path / "m.gguf", vocab=1200))
    tokens = header.metadata["tokenizer.ggml.tokens"]
    assert isinstance(tokens, Skipped)
    assert (tokens.kind, tokens.count) == ("string", 1200)
    read = read_array(header, "tokenizer.ggml.tokens")
    assert len(read) == 1200
    assert "<|im_start|>" in read
    types = read_array(header, "tokenizer.ggml.token_type")
    assert len(types) == 1200
    assert set(types) == {1, 3, 4, 5}
    assert read_array(header, "no.such.key") == ()
    with pytest.raises(ModelError, match="where an array belongs"):
        read_array(header, "general.name")


def test_it_agrees_with_the_reference_reader(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    for path in (
        make_gguf(tmp_path / "a.gguf", quant="Q8_0", add_bos=True),
        make_gguf(tmp_path / "b.gguf", tokenizer="spm", metadata={"general.tags": ["a", "b"]}),
        make_bert(tmp_path / "c.gguf"),
    ):
        header, reference = read_header(path), gguf.GGUFReader(path)
        for key, field in reference.fields.items():
            if key.startswith("GGUF."):
                continue
            value = header.metadata[key]
            if isinstance(value, tuple | Skipped):
                assert list(read_array(header, key)) == field.contents()
            else:
                assert value == field.contents()
        assert header.data_offset == reference.data_offset
        for tensor, expected in zip(header.tensors, reference.tensors, strict=True):
            assert (tensor.name, tensor.type) == (expected.name, expected.tensor_type.name)
            assert tensor.shape == tuple(expected.shape)
            assert tensor.size == expected.n_bytes
            assert tensor.offset + header.data_offset == expected.data_offset


def test_numbers_may_differ_from_layer_to_layer(write: Callable[[bytes], Path]) -> None:
    heads = array(U32, 3, struct.pack("<III", 8, 4, 0))
    shape = [LLAMA, ("llama.block_count", u32(3)), ("llama.embedding_length", u32(64))]
    header = read_header(write(file_of([*shape, ("llama.attention.head_count", heads)])))
    assert header.head_counts == header.kv_head_counts == (8, 4, 0)
    assert header.key_length == 8
    wrong = ("llama.attention.head_count", array(U32, 2, struct.pack("<II", 8, 4)))
    assert "2 elements for 3 layers" in refusal(write(file_of([*shape, wrong])))


def test_an_embedding_model_says_how_it_pools(tmp_path: Path) -> None:
    assert read_header(make_bert(tmp_path / "a.gguf")).pooling == 1
    assert read_header(make_gguf(tmp_path / "b.gguf", pooling=3)).pooling == 3


def test_version_2_is_read_too(write: Callable[[bytes], Path]) -> None:
    assert read_header(write(file_of([LLAMA], version=2))).version == 2


def test_the_quantisation_is_guessed_where_the_file_does_not_say(
    write: Callable[[bytes], Path],
) -> None:
    tensors = [("output_norm.weight", (64,), 0, 0), ("output.weight", (32, 2), 8, 256)]
    assert read_header(write(file_of([LLAMA], tensors, weights=400))).quantisation == "Q8_0"
    unknown = [LLAMA, ("general.file_type", u32(4711))]
    assert read_header(write(file_of(unknown, tensors, weights=400))).quantisation == "Q8_0"
    assert read_header(write(file_of([LLAMA]))).quantisation == ""


def shard(path: Path, number: int, count: int = 2, total: int = 2) -> Path:
    entries = [
        ("split.no", u32(number)),
        ("split.count", u32(count)),
        ("split.tensors.count", u32(total)),
    ]
    if number == 0:
        entries += [LLAMA, ("llama.block_count", u32(2))]
    tensor = (f"blk.{number}.ffn_up.weight", (32, 2), 0, 0)
    path.write_bytes(file_of(entries, [tensor], weights=256))
    return path


def test_the_parts_of_a_split_model_are_joined(tmp_path: Path) -> None:
    parts = [read_header(shard(tmp_path / f"m-{n}.gguf", n)) for n in range(2)]
    whole = join_shards(parts)
    assert (whole.architecture, whole.split_count) == ("llama", 2)
    assert whole.weights.layers == (256, 256)
    assert whole.weights.parameters == 128
    assert whole.file_size == sum(part.file_size for part in parts)


def test_parts_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    first = read_header(shard(tmp_path / "a.gguf", 0))
    with pytest.raises(ModelError, match="not part 2 of 2"):
        join_shards([first, first])
    with pytest.raises(ModelError, match="not part 1 of 1"):
        join_shards([first])
    foreign = read_header(shard(tmp_path / "b.gguf", 1))
    alone = read_header(shard(tmp_path / "c.gguf", 0, total=3))
    with pytest.raises(ModelError, match="do not belong together: 2 of 3 tensors"):
        join_shards([alone, foreign])


def test_a_truncated_model_is_told_from_a_whole_one(tmp_path: Path) -> None:
    model = make_gguf(tmp_path / "m.gguf")
    header = read_header(model)
    assert header.expected_size <= header.file_size < header.expected_size + 32
    cut = truncated(model, tmp_path / "cut.gguf", header.expected_size - 1)
    assert refusal(cut) == (
        f"cut.gguf is truncated: {header.expected_size - 1:,} of {header.expected_size:,} bytes."
    )
    assert read_header(cut, partial=True).expected_size == header.expected_size
    assert "truncated or damaged" in refusal(truncated(model, tmp_path / "head.gguf", 500))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"G", "not a GGUF file"),
        (b"GGUF", "truncated or damaged: the version"),
        (b"GGUF\x03\0\0\0", "truncated or damaged: the number of tensors"),
        (b"  <!DOCTYPE html><html>", "a web page"),
        (b'{"error": "not found"}', "a JSON text"),
        (b"PK\x03\x04" + bytes(60), "a zip or PyTorch file"),
        (b"\x40\0\0\0\0\0\0\0" + b'{"__metadata__":{}}', "a safetensors file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"lmgg" + bytes(60), "old GGML format"),
        (b"tjgg\3\0\0\0", "old GGJT format"),
        (bytes(4096), "filled with zeros"),
        (b"once upon a time", "not a GGUF file"),
        (b"GGUF" + struct.pack(">I", 3) + bytes(16), "big-endian"),
        (file_of(version=1), "version 1, which is too old"),
        (file_of(version=9), "version 9, which is newer"),
    ],
)
def test_what_is_no_gguf_file_is_named(
    write: Callable[[bytes], Path], data: bytes, said: str
) -> None:
    assert said in refusal(write(data))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (file_of(claimed=(1 << 40, 0)), "claims to have 1,099,511,627,776 tensors"),
        (file_of(claimed=(0, 1 << 60)), "metadata entries"),
        (file_of(claimed=(0, 5)), "metadata entry 1 goes on after the end"),
        (file_of(claimed=(5, 0)), "tensor 1 goes on after the end"),
        (file_of([LLAMA, LLAMA]), "two entries general.architecture"),
        (file_of([("", u32(1))]), "metadata entry 1 has no name"),
        (file_of([("a\x1b[2J", struct.pack("<I", 99))]), "a?[2J has the unknown type 99"),
        (file_of([(b"\xff\xfe", u32(1))]), "is not valid UTF-8"),
        (
            file_of([("tokenizer.chat_template", string(b"\xff"))]),
            "tokenizer.chat_template is not valid UTF-8",
        ),
        (file_of([("a", array(ARRAY, 1))]), "a is an array of arrays"),
        (file_of([("a", array(77, 1))]), "unknown type 77"),
        (file_of([("a", array(U64, 1 << 61))]), "a claims to have"),
        (file_of([("a", array(U64, 1 << 20))]), "a goes on after the end of the file"),
        (file_of([("a", array(STRING, 3))]), "a goes on after the end of the file"),
        (
            file_of([("a", array(STRING, 3, b"\xff" * 64))]),
            "a goes on after the end of the file",
        ),
        (
            file_of([("a", struct.pack("<IQ", STRING, 1 << 62))]),
            "a goes on after the end of the file",
        ),
        (file_of([("general.architecture", u32(7))]), "is 7, where a text belongs"),
        (file_of([LLAMA, ("llama.block_count", string("many"))]), "where a whole number belongs"),
        (file_of([LLAMA, ("llama.block_count", u32(1 << 31))]), "layers"),
        (
            file_of([LLAMA, ("llama.context_length", struct.pack("<If", F32, 1.0))]),
            "llama.context_length is 1.0, where a whole number belongs",
        ),
        (
            file_of([LLAMA, ("llama.context_length", struct.pack("<IB", BOOL, 1))]),
            "llama.context_length is True, where a whole number belongs",
        ),
        (file_of([("tokenizer.ggml.tokens", u32(3))]), "where a list of tokens belongs"),
        (file_of([("general.name", array(U32, 0))]), "is a list, where a text belongs"),
        (file_of([("general.alignment", u32(3))]), "alignment is 3"),
        (file_of([("general.alignment", u32(0))]), "alignment is 0"),
        (file_of((), [("t", (1, 1, 1, 1, 1), 0, 0)]), "5 dimensions"),
        (file_of((), [("t", (1 << 40, 1 << 40), 0, 0)]), "impossibly large"),
        (file_of((), [("t", (33, 2), 8, 0)]), "33 elements, not blocks of 32"),
        (file_of((), [("t", (32,), 31, 0)]), "llama.cpp has dropped"),
        (file_of((), [("t", (32,), 999, 0)]), "tensor type 999"),
        (file_of((), [("t", (8,), 0, 0), ("t", (8,), 0, 32)]), "tensor t twice"),
        (file_of((), [("t", (8,), 0, 64)]), "lies at 64 instead of 0"),
        (file_of((), [(b"\xff".decode("latin-1") * 99, (8,), 0, 7)]), "lies at 7"),
    ],
)
def test_a_lie_in_the_header_is_named(
    write: Callable[[bytes], Path], data: bytes, said: str
) -> None:
    message = refusal(write(data))
    assert said in message
    assert message.isprintable()
    assert len(message) < 250


def test_a_description_in_another_encoding_is_no_obstacle(write: Callable[[bytes], Path]) -> None:
    header = read_header(write(file_of([("general.name", string(b"caf\xe9"))])))
    assert header.name == "caf\N{REPLACEMENT CHARACTER}"


def test_a_very_long_text_is_stepped_over(write: Callable[[bytes], Path]) -> None:
    novel = ("tokenizer.huggingface.json", string(b"x" * 3_000_000))
    header = read_header(write(file_of([novel, LLAMA])))
    assert header.metadata["tokenizer.huggingface.json"] == Skipped("text", 3_000_000, 62)
    assert header.architecture == "llama"
    long_template = ("tokenizer.chat_template", string(b"x" * 3_000_000))
    assert "is 3,000,000 bytes, where a text" in refusal(write(file_of([long_template])))


def test_what_can_not_be_opened_is_named(tmp_path: Path) -> None:
    assert "There is no file" in refusal(tmp_path / "none.gguf")
    assert "is a folder" in refusal(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "not a regular file" in refusal(pipe)
    link = tmp_path / "link.gguf"
    link.symlink_to(tmp_path / "gone")
    assert "points to a file that is gone" in refusal(link)
    assert "cannot be read" in refusal(tmp_path / "\0")


def vocabulary_file(tokens: int, *, length: Callable[[int], int]) -> bytes:
    return file_of([LLAMA, *vocabulary_entries(tokens, length=length)])


def test_a_large_vocabulary_is_counted(write: Callable[[bytes], Path]) -> None:
    path = write(vocabulary_file(150_000, length=lambda n: 200 if n % 997 == 0 else 2 + n % 11))
    assert read_header(path).vocab_size == 150_000


def test_strings_of_any_length_are_stepped_over_exactly(write: Callable[[bytes], Path]) -> None:
    for length in (
        lambda n: n % 3,
        lambda n: 63 + n % 2,
        lambda n: 255 + n % 3,
        lambda n: 70_000 if n % 50 == 0 else 5,
    ):
        header = read_header(write(vocabulary_file(1500, length=length)))
        assert header.vocab_size == 1500
        read = read_array(header, "tokenizer.ggml.merges")
        assert [len(str(token)) for token in read] == [length(n) for n in range(1500)]


def test_a_file_of_countless_texts_is_given_up_on_soon(write: Callable[[bytes], Path]) -> None:
    path = write(file_of([("a", array(STRING, 1 << 22))], claimed=(0, 9)))
    # a sparse file: zeros read as empty strings without end
    os.truncate(path, 1 << 35)
    start = time.process_time()
    message = refusal(path)
    assert "damaged" in message
    assert time.process_time() - start < 5


def test_small_arrays_can_not_add_up_to_a_flood(write: Callable[[bytes], Path]) -> None:
    entries = [(f"k{n}", array(0, 1024, bytes(1024))) for n in range(1000)]
    assert "larger than that of any model" in refusal(write(file_of(entries)))


FUZZED = file_of(
    [
        LLAMA,
        ("general.name", string("näme")),
        ("general.file_type", u32(15)),
        ("general.alignment", u32(32)),
        ("llama.block_count", u32(2)),
        ("llama.context_length", struct.pack("<IQ", U64, 4096)),
        ("llama.embedding_length", u32(64)),
        ("llama.attention.head_count", array(U32, 2, struct.pack("<II", 4, 2))),
        ("llama.attention.layer_norm_rms_epsilon", struct.pack("<If", F32, 1e-5)),
        ("llama.attention.causal", struct.pack("<IB", BOOL, 1)),
        ("tokenizer.ggml.tokens", array(STRING, 300, b"".join(text(f"t{n}") for n in range(300)))),
        ("tokenizer.ggml.scores", array(F32, 1500, bytes(6000))),
        ("tokenizer.chat_template", string("{{ messages }}")),
        ("split.count", struct.pack("<IH", 2, 1)),
    ],
    [("token_embd.weight", (64, 4), 0, 0), ("blk.1.ffn_up.weight", (64, 2), 8, 1024)],
    weights=1024 + 136,
)
numbers = st.one_of(
    st.integers(0, 2**64 - 1),
    st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64 - 8]),
)
flips = st.tuples(st.integers(0, len(FUZZED) - 1), st.binary(min_size=1, max_size=1))
lies = st.tuples(st.integers(0, len(FUZZED) - 8), numbers.map(lambda n: struct.pack("<Q", n)))


@settings(
    max_examples=400,
    deadline=2000,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
@given(
    changes=st.lists(st.one_of(flips, lies), max_size=6),
    keep=st.one_of(st.none(), st.integers(0, len(FUZZED))),
)
def test_a_changed_header_is_read_or_refused(
    write: Callable[[bytes], Path], changes: list[tuple[int, bytes]], keep: int | None
) -> None:
    data = bytearray(FUZZED)
    for position, replacement in changes:
        data[position : position + len(replacement)] = replacement
    path = write(bytes(data[:keep]))
    tracemalloc.start()
    try:
        header = read_header(path)
        for key, value in header.metadata.items():
            if isinstance(value, Skipped) and value.kind != "text":
                read_array(header, key)
    except ModelError as error:
        assert error.message.isprintable()
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 4_000_000


def test_the_unchanged_header_of_the_fuzz_test_is_good(write: Callable[[bytes], Path]) -> None:
    header = read_header(write(FUZZED))
    assert (header.name, header.quantisation, header.vocab_size) == ("näme", "Q4_K_M", 300)
    assert header.weights.layers == (0, 136)
