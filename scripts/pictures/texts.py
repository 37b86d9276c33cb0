"""What is said in the pictures."""

from __future__ import annotations

PROMPT = "How do I read a large CSV file in Python without filling the memory?"

ANSWERS = {
    PROMPT: """\
Read it row by row: `csv.reader` keeps one row in memory, however long the file is.

```python
import csv

def rows(path: str):
    with open(path, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)

total = sum(float(row["price"]) for row in rows("orders.csv"))
```

| way | memory | speed |
|---|---|---|
| `csv.DictReader` | one row | 1x |
| `csv.reader` | one row | 2x |
| `pandas`, in chunks | a chunk | 5x |

With $n$ rows all three take $O(n)$ time; only the first two stay at $O(1)$ memory.
""",
    "What does the GIL mean for threads?": """\
Only one thread runs Python code at a time. Threads still help where a program *waits*: for the
network, for files, for a subprocess.
""",
    "A name for a small cat": "**Pixel**, **Miso**, or **Comma**.",
    "Explain a Python generator in one sentence": """\
A function that hands out one value at a time with `yield`, and goes on from there when it is asked
for the next one, so a loop over millions of values needs room for one.
""",
}

SECOND_ANSWER = """\
Go through the file **line by line**; a file object is an iterator:

1. open it with `with open(...) as file`
2. loop: `for line in file`
3. split, use, forget

Nothing but the current line is kept.
"""

EARLIER = list(ANSWERS)[1:]
