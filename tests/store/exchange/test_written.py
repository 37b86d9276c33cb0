"""What exports look like to those who read them: browsers, trainers, Open-Assistant's tools."""

from __future__ import annotations

import html.parser
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from chatterm.messages import Role, State
from chatterm.store import Store
from chatterm.store.exchange import formats
from chatterm.store.exchange.anonymise import Anonymiser
from chatterm.store.exchange.values import PortableChat
from tests.store.growing import answer, begin, conversation, end, say

ROOT = Path(__file__).parents[3]


def written(form: str, *chats: PortableChat) -> str:
    return "".join(formats.writer(form)(chats))


def lines(form: str, *chats: PortableChat) -> list[Any]:
    return [json.loads(line) for line in written(form, *chats).split("\n")[:-1]]


def branched(store: Store) -> tuple[str, list[str]]:
    """A question with a good, a bad and a failed answer, the good one being shown."""
    chat_id, (prompt, good) = conversation(store, "question", "good", title="Title")
    bad = answer(store, chat_id, prompt, "bad")
    failed = end(store, begin(store, chat_id, prompt), "half", State.FAILED)
    store.set_tip(chat_id, good.id)
    store.vote(good.id, 1)
    store.vote(bad.id, -1)
    return chat_id, [prompt.id, good.id, bad.id, failed.id]


# Our own JSON


def test_our_own_json_is_as_its_schema_says(store: Store) -> None:
    chat_id, (prompt_id, *_) = branched(store)
    store.link(prompt_id, "remote", "1")
    file = store.attach(b"bytes", "a.txt", "text/plain")
    store.add(chat_id, parent_id=prompt_id, role=Role.TOOL, text="t", attachments=[file])
    data = json.loads(written("json", store.portable(chat_id)))
    schema = json.loads((ROOT / "docs" / "export.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    validator.validate(data)
    described = (ROOT / "docs" / "export.md").read_text()
    chat = data["chats"][0]
    for key in {*data, *chat, *chat["messages"][1], *chat["messages"][1]["answer"]}:
        assert f"`{key}`" in described, key


# HTML


class _Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.opened: list[tuple[str, dict[str, str | None]]] = []
        self.depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append((tag, dict(attrs)))


HOSTILE = [
    "<script>alert(1)</script>",
    "</p></article></section><img src=x onerror=alert(1)>",
    "[link](javascript:alert(1)) <b onclick=x>",
    "![spy](https://example.org/pixel.png)",
    "```html\n</pre><script>\n```",
    "[x](data:text/html;base64,PHNjcmlwdD4=) &lt;script&gt; \x1b[31m \u202egnp.exe",
    '"><svg onload=alert(1)>',
]


@pytest.mark.parametrize("words", HOSTILE)
def test_nothing_in_a_page_runs_or_loads(store: Store, words: str) -> None:
    chat_id, (prompt, _) = conversation(store, words, words, title=words)
    answer(store, chat_id, prompt, words, model=words)
    store.tag(chat_id, "tag'<b>")
    file = store.attach(b"\x89PNG", words, "image/png")
    store.add(chat_id, parent_id=prompt.id, role=Role.USER, text=words, attachments=[file])
    page = written("html", store.portable(chat_id))
    parsed = _Tags()
    parsed.feed(page)
    names = {tag for tag, _ in parsed.opened}
    assert not names & {"script", "iframe", "svg", "link", "object", "form", "b", "base"}
    for tag, attributes in parsed.opened:
        assert not [name for name in attributes if name.startswith("on")]
        if tag == "img":
            assert str(attributes["src"]).startswith("data:image/png;base64,")
        target = str(attributes.get("href") or "")
        assert not target.startswith(("javascript:", "data:"))
    assert "default-src 'none'" in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_a_page_is_well_formed_and_shows_branches_reasoning_and_votes(store: Store) -> None:
    chat_id, (prompt_id, *_) = branched(store)
    row = begin(store, chat_id, store.message(prompt_id))
    store.finish(
        row.id, state=State.COMPLETE, text="| a |\n|---|\n| **b** |", reasoning="I <think>"
    )
    page = written("html", store.portable(chat_id))
    for tag in ("section", "article", "details", "div", "html", "body", "table"):
        assert len(re.findall(f"<{tag}[ >]", page)) == page.count(f"</{tag}>") > 0, tag
    assert "<strong>b</strong>" in page
    assert "I &lt;think&gt;" in page
    assert "another answer (3 of 3)" in page
    assert "vote +1" in page
    assert "prefers-color-scheme: dark" in page


def test_a_page_of_no_chats_is_a_page() -> None:
    assert written("html").endswith("</html>\n")


# To train on


def test_fine_tuning_has_what_is_shown_up_to_the_last_answer(store: Store) -> None:
    chat_id, _ = conversation(store, "one", "two", "three")
    unanswered, _ = conversation(store, "alone")
    given = [store.portable(chat_id), store.portable(unanswered)]
    assert lines("jsonl", *given) == [
        {
            "messages": [
                {"role": "user", "content": "one"},
                {"role": "assistant", "content": "two"},
            ]
        }
    ]


def test_preferences_are_pairs_of_complete_answers_with_different_votes(store: Store) -> None:
    chat_id, (prompt_id, *_) = branched(store)
    answer(store, chat_id, store.message(prompt_id), "unrated")
    given = store.portable(chat_id)
    pairs = [
        (pair["chosen"][0]["content"], pair["rejected"][0]["content"])
        for pair in lines("preferences", given)
    ]
    assert sorted(pairs) == [("good", "bad"), ("good", "unrated"), ("unrated", "bad")]
    assert lines("preferences", given)[0]["prompt"] == [{"role": "user", "content": "question"}]


# Open-Assistant


def test_open_assistant_trees_hold_all_branches_and_votes(store: Store) -> None:
    chat_id, _ = branched(store)
    (tree,) = lines("oasst", store.portable(chat_id))
    prompt = tree["prompt"]
    assert tree["message_tree_id"] == prompt["message_id"]
    assert re.fullmatch(r"[0-9a-f-]{36}", prompt["message_id"])
    assert (prompt["role"], prompt["text"], prompt["parent_id"]) == ("prompter", "question", None)
    replies = {reply["text"]: reply.get("emojis") for reply in prompt["replies"]}
    assert replies == {"good": {"+1": 1}, "bad": {"-1": 1}}


def test_open_assistant_trees_come_back_with_branches_and_votes(
    store: Store, tmp_path: Path
) -> None:
    chat_id, _ = branched(store)
    path = tmp_path / "trees.jsonl"
    path.write_text(written("oasst", store.portable(chat_id)))
    (back,) = formats.read(path, 0.0)
    assert {(one.message.text, one.vote) for one in back.messages} == {
        ("question", 0), ("good", 1), ("bad", -1),
    }  # fmt: skip


def test_a_system_prompt_is_left_out_of_a_tree_and_its_branches_are_not(store: Store) -> None:
    chat_id = store.create_chat().id
    system = store.add(chat_id, parent_id=None, role=Role.SYSTEM, text="Be kind")
    for text in ("one", "two"):
        say(store, chat_id, text, system)
    trees = lines("oasst", store.portable(chat_id))
    assert [tree["prompt"]["text"] for tree in trees] == ["one", "two"]


def test_a_very_deep_chat_can_be_written_as_a_tree(store: Store) -> None:
    with store.atomic():
        chat_id, _ = conversation(store, *["words"] * 1500)
    text = written("oasst", store.portable(chat_id))
    assert text.count('"replies": [') == 1500
    assert text.count("]}") == 1500


# Without the people


def test_people_become_stand_ins_that_stay_the_same(store: Store) -> None:
    secret = (
        "My name is Anna Schmidt, mail anna.schmidt@firma.de or call +49 170 1234567. "
        "Files are in /home/aschmidt/projects/geheim/plan.txt and C:\\Users\\aschmidt\\x.doc; "
        "the key is sk-abcdefghijklmnopqrstuvwxyz. Customer 4711081512."
    )
    chat_id, (prompt, _) = conversation(store, secret, "Hello Anna, thanks. Regards, Zorblax Quux")
    store.rename(chat_id, "Anna's plan", by_user=True)
    say(store, chat_id, "Mail anna.schmidt@firma.de again, +49 170 1234567", prompt)
    file = store.attach(b"Anna", "anna.txt", "text/plain")
    store.add(chat_id, parent_id=prompt.id, role=Role.USER, text="f", attachments=[file])
    given = store.portable(chat_id)
    (made,) = Anonymiser("salt", ["Zorblax"]).anonymous([given])
    text = written("json", made)
    for trace in ("Anna", "anna", "Schmidt", "firma", "170 1234567", "aschmidt", "geheim",
                  "abcdefgh", "4711081512", "Zorblax", chat_id, prompt.id):  # fmt: skip
        assert trace not in text, trace
    words = [one.message.text for one in made.messages]
    (mail,) = set(re.findall(r"person\d+@example.org", " ".join(words)))
    assert words[0].count(mail) == words[2].count(mail) == 1
    phone = re.search(r"\+\d\d \d{3} \d{7}", words[0])
    assert phone is not None
    assert phone[0] in words[2]
    assert re.search(r"/dir\d+/dir\d+/dir\d+/dir\d+/dir\d+.txt", words[0])
    assert made.chat.title.endswith("'s plan")
    assert made.files == {}
    assert [one.vote for one in made.messages] == [one.vote for one in given.messages]
    assert made.path()[-1].message.text == "f"


def test_two_exports_have_other_ids_and_what_is_harmless_stays(store: Store) -> None:
    chat_id, _ = conversation(store, "What is 1 + 2 in the year 2024? See https://example.org/a/b")
    given = store.portable(chat_id)
    (one,), (two,) = (list(Anonymiser(salt).anonymous([given])) for salt in "ab")
    assert one.chat.id != two.chat.id != chat_id
    assert one.messages[0].message.text == given.messages[0].message.text
    assert store.import_chats([one]).new_chats == 1
