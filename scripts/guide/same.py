"""Writes what PyTorch itself answers to 100 prompts, to be compared with the engine's answers."""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import torch

from scripts.guide.model import Texts, greedy, load
from scripts.guide.topics import load_topics

_COUNT = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("build/guide"))
    parser.add_argument("--out", type=Path, default=Path("build/guide/same.json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, tokenizer, _ = load(options.run)
    texts = Texts(tokenizer)
    topics, _ = load_topics()
    held_out = [text for topic in topics.values() for text in topic.held_out]
    prompts = random.Random(_COUNT).sample(held_out, _COUNT)
    pairs = [
        {"question": prompt, "answer": greedy(model, texts, texts.prompt([("user", prompt)]))}
        for prompt in prompts
    ]
    options.out.write_text(json.dumps(pairs, indent=1) + "\n")


if __name__ == "__main__":
    main()
