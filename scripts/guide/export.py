"""Writes the trained guide as GGUF: ``python -m scripts.guide.export``. Needs PyTorch and gguf."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import gguf
import numpy as np
from gguf.quants import quantize
from tokenizers import Tokenizer

from scripts.guide.data import CHAT_TEMPLATE
from scripts.guide.model import CHECKPOINT_FILE, END_ID, PAD_ID, SPECIALS, TAG, Guide, load

SHIPPED = Path("chatterm/engine/guide/guide.gguf")
_KINDS = {
    "f16": (gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16),
    "q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("build/guide"))
    parser.add_argument("--out", type=Path, default=SHIPPED)
    options = parser.parse_args()
    model, tokenizer, _ = load(options.run)
    write(options.run / "guide-f16.gguf", "f16", model, tokenizer)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write(options.out, "q8_0", model, tokenizer)
    print(
        f"{options.out}: {options.out.stat().st_size} bytes, from {options.run / CHECKPOINT_FILE}"
    )


def write(path: Path, kind: str, model: Guide, tokenizer: Tokenizer) -> None:
    """Matrices as ``kind``, norms in full."""
    of_matrices, of_file = _KINDS[kind]
    writer = gguf.GGUFWriter(path, "llama")
    _describe(writer, model)
    writer.add_file_type(of_file)
    _tokens(writer, tokenizer)
    for name, weight in model.state_dict().items():
        values = weight.numpy().astype(np.float32)
        if values.ndim == 1:
            writer.add_tensor(name, values)
        else:
            writer.add_tensor(name, quantize(values, of_matrices), raw_dtype=of_matrices)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter, model: Guide) -> None:
    shape = model.shape
    writer.add_name("chatterm guide")
    writer.add_description("The small guide that chatterm carries to explain itself")
    writer.add_license("mit")
    writer.add_float32("general.sampling.temp", 0.0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_vocab_size(shape.vocabulary + model.classes)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_rope_dimension_count(shape.width // shape.heads)


def _tokens(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    names = [tokenizer.id_to_token(number) for number in range(tokenizer.get_vocab_size())]
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(names)
    writer.add_token_types(list(map(_type, names)))
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_bos_token_id(PAD_ID)
    writer.add_pad_token_id(PAD_ID)
    writer.add_eos_token_id(END_ID)
    writer.add_eot_token_id(END_ID)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def _type(name: str) -> gguf.TokenType:
    if name in SPECIALS:
        return gguf.TokenType.CONTROL
    # No text becomes a token of this type, and such a token becomes no text.
    return gguf.TokenType.UNUSED if name.startswith(TAG[:-4]) else gguf.TokenType.NORMAL


if __name__ == "__main__":
    main()
