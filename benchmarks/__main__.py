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
    "beside",
    "memory",
    "remote",
    "serve",
    "relay",
    "load",
    "serve_removal",
]


def main(names: list[str]) -> None:
    """``load:300`` has a benchmark take so many seconds."""
    wanted = [name.partition(":") for name in names or NAMES]
    names = [name for name, _, _ in wanted]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        sys.exit(f"no benchmark named {', '.join(unknown)}; there are {', '.join(NAMES)}")
    for name, _, seconds in wanted:
        print(f"\n{name}\n{'=' * len(name)}", flush=True)
        benchmark = importlib.import_module(f"benchmarks.{name}")
        benchmark.main(float(seconds)) if seconds else benchmark.main()


if __name__ == "__main__":
    main(sys.argv[1:])
