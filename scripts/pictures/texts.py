"""What is said in the pictures."""

from __future__ import annotations

PROMPT = "How do I read a large CSV file in Python without filling the memory?"
NEXT = "And from a compressed file?"
COMPARED = "Which words are the most frequent in a large file?"
EDITED = "How do I read a large CSV file in Python, only some of its columns?"

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
    COMPARED: """\
A `Counter` takes the words as they come, so only one line is in memory:

```python
from collections import Counter

def words(path: str):
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield from line.lower().split()

top = Counter(words("book.txt")).most_common(10)
for word, count in top:
    print(f"{count:6} {word}")
```

- `most_common` sorts only what it returns.
- For other alphabets, split with `re.findall(r"\\w+", line)`.
""",
    NEXT: "`gzip.open(path, 'rt')` in the place of `open`; everything else stays as it is.\n",
    EDITED: "Take them out of each row: `row['price'], row['date']`; nothing else is kept.\n",
    "What does the GIL mean for threads?": """\
Only one thread runs Python code at a time. Threads still help where a program *waits*: for the
network, for files, for a subprocess.
""",
    "A name for a small cat": "**Pixel**, **Miso**, or **Comma**.",
    "Why does my container run out of memory?": """\
Its limit counts the page cache of files it writes as well. `docker stats` shows the sum, and
`memory.stat` of its cgroup what it is made of.
""",
    "Explain a Python generator in one sentence": """\
A function that hands out one value at a time with `yield`, and goes on from there when it is asked
for the next one, so a loop over millions of values needs memory for one.
""",
    "Plan three days in Lisbon, with rain": "Day one: the tile museum and the Gulbenkian.",
    "SQL: the latest row of each group": "`ROW_NUMBER() OVER (PARTITION BY ...)`, then the first.",
    "Rewrite this letter in plain words": "Gladly; here it is, half as long.",
    "How much memory does a context of 32k take?": """\
For a model of 4 billion parameters about 4.7 GB in 16 bits; with a cache of 8 bits half of that.
""",
}

AGAIN = {
    PROMPT: """\
Go through the file **line by line**; a file object is an iterator:

1. open it with `with open(...) as file`
2. loop: `for line in file`
3. split, use, forget

Nothing but the current line is kept.
""",
    NEXT: "`zcat orders.csv.gz | python sum.py`, and read `sys.stdin` line by line.\n",
}
"""What is said when the same is asked again."""
ELSEWHERE = """\
Without a program, in the **shell**:

```sh
tr -cs '[:alpha:]' '\\n' < book.txt | tr A-Z a-z |
    sort | uniq -c | sort -rn | head
```

It reads the file once. What does not fit the memory, `sort` puts into files of its own, so the size
of `book.txt` does not matter.

| step | does |
|---|---|
| `tr -cs` | a word a line |
| `sort`, `uniq -c` | counts equal lines |
| `sort -rn`, `head` | the ten most frequent |
"""
"""What the model of the server answers."""

EARLIER = list(ANSWERS)[4:]
PINNED = {6}
TAGS = {0: "python", 2: "work", 5: "work"}
"""Of the earlier chats, by their number."""
