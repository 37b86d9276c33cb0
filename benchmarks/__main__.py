"""`python -m benchmarks [NAME...]`: every figure beside its bar, by the part of the program."""

from __future__ import annotations

import importlib
import sys

NAMES = [
    "startup",
    "store",
    "engine",
    "fit",
    "pull",
    "render",
    "transcript",
    "screen",
    "finding",
    "memory",
    "remote",
]


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        sys.exit(f"no benchmark named {', '.join(unknown)}; there are {', '.join(NAMES)}")
    for name in names or NAMES:
        print(f"\n{name}\n{'=' * len(name)}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
