"""A process of its own that writes to a store: ``python -m tests.store.writer ACTION PATH ARGS``.

It says what it did on stdout, one line a step, so that a test can wait for it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from chatterm.ids import ulid_factory
from chatterm.store import Store
from tests.store.growing import answer, begin, conversation, end, say


def main(action: str, path: Path, *rest: str) -> None:
    print("ready", flush=True)
    sys.stdin.readline()
    with Store.open(path, clock=time.time, new_id=ulid_factory()) as store:
        if action == "write":
            write(store, *rest)
        else:
            leave_unfinished(store)


def write(store: Store, count: str, shared_chat: str = "") -> None:
    """A chat of its own, and answers to a prompt that others answer too."""
    chat_id, (last,) = conversation(store, "begin")
    for number in range(int(count)):
        last = answer(store, chat_id, last, f"own {number}")
        if shared_chat:
            (prompt,) = store.children(None, shared_chat)
            answer(store, shared_chat, prompt, f"shared {number}")
            store.rename(shared_chat, f"title {number}", by_user=True)
    say(store, chat_id, "done", last)
    print(chat_id, flush=True)


def leave_unfinished(store: Store) -> None:
    """An answer that is finished only when another line comes."""
    chat_id, (prompt,) = conversation(store, "the prompt")
    row = begin(store, chat_id, prompt)
    store.checkpoint(row.id, text="half of it", reasoning="")
    print(row.id, flush=True)
    sys.stdin.readline()
    end(store, row, "all of it")
    print("finished", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
