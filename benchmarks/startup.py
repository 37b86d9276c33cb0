"""What starting costs: CPU of whole processes, beside the bare interpreter in the same run."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile

RUNS = 11
COMMANDS: list[tuple[str, list[str], str]] = [
    ("chatterm --version", ["-m", "chatterm", "--version"], "<= 100 over the interpreter"),
    ("chatterm ask -m echo", ["-m", "chatterm", "ask", "-m", "echo", "hello"], "<= 350 in all"),
    ("chatterm chats list", ["-m", "chatterm", "chats", "list"], ""),
]


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "CHATTERM_HOME": home}
        bare = _cpu(["-c", "pass"], env)
        print(f"{'command':26}{'CPU ms':>8}{'over bare':>11}  bar")
        print(f"{'python -c pass':26}{bare:8.0f}{0:11.0f}")
        for name, args, bar in COMMANDS:
            cost = _cpu(args, env)
            print(f"{name:26}{cost:8.0f}{cost - bare:11.0f}  {bar}", flush=True)


def _cpu(args: list[str], env: dict[str, str]) -> float:
    """Median CPU of a run in milliseconds, after one run that warms the caches."""
    costs = []
    for _ in range(RUNS + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, *args], env=env, stdin=subprocess.DEVNULL, capture_output=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return 1000 * statistics.median(costs[1:])


if __name__ == "__main__":
    main()
