"""Takes people out of chats: names, mails, numbers, paths and keys become stand-ins.

The same thing gets the same stand-in throughout one export, so that what was said still makes
sense. A name is known from a list of the user's, from a mail address or a home folder, from how
people introduce and greet, and from common first names. No list is complete: read what you publish.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib import resources

from chatterm.ids import encode_ulid, ulid_milliseconds
from chatterm.messages import Message
from chatterm.redaction import SECRETS
from chatterm.store.exchange.values import PortableChat, PortableMessage

_MAIL = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
_PATH = (
    r"(?:\b[A-Za-z]:\\[\w.+@-]+|(?<![\w/.:])(?:~|/(?!/)[\w.+@-]+)(?=[/\\]))"
    r"(?:[/\\][\w.+@-]+)*[/\\]?"
)
_NUMBER = r"(?<![\w.])\+?\d[\d ()/.-]{5,}\d(?!\w)|(?<![\w.])\d{5,}(?!\w)"
_NAME = r"[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]+(?:-[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]+)?"
_CUES = re.compile(
    r"\b(?:[Mm]y name is|[Nn]ame:|I am|I'm|[Dd]ear|Hi|Hello|[Rr]egards,|[Mm]ein Name ist|Mr\.?"
    r"|Mrs\.?|Ms\.?|Dr\.?|Prof\.?|Herr|Frau|Hallo|Lieber?)"
    rf"\s+({_NAME}(?:[ \t]+{_NAME})?)"
)
_FIRST_NAMES = resources.files(__package__).joinpath("first_names.txt").read_text().split()
_KNOWN_FIRST = re.compile(rf"\b((?:{'|'.join(_FIRST_NAMES)})(?:[ \t]+{_NAME})?)\b")
_HOME = re.compile(r"(?:/home/|/Users/|\\Users\\)([\w.-]+)")
_NO_NAMES = re.compile(
    "I|The|An?|It|This|That|There|You|We|They|He|She|What|Why|How|When|Where|Who|Not|Sir|Madam|All"
    "|Everyone|Team|World|Anyone|Sure|Here|Is|Are|Please|Thanks|Just|Sorry|Happy|Glad|Root|User"
)


class Anonymiser:
    """One export's stand-ins. ``salt`` keeps those of two exports apart."""

    def __init__(self, salt: str, names: Sequence[str] = ()) -> None:
        self._salt = salt
        self._names: dict[str, None] = {}
        self._given: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        for name in names:
            self._learn(name)

    def anonymous(self, chats: Iterable[PortableChat]) -> Iterator[PortableChat]:
        """The chats without the people in them; all are looked at before the first is given."""
        held = list(chats)
        for chat in held:
            for text in _texts(chat):
                self._look_for_names(text)
        pattern = self._pattern()
        for chat in held:
            yield self._chat(chat, pattern)

    def _look_for_names(self, text: str) -> None:
        for found in _CUES.finditer(text):
            self._learn(found[1])
        for found in _KNOWN_FIRST.finditer(text):
            self._learn(found[1])
        for found in re.finditer(_MAIL, text):
            for part in re.split(r"[._+\d-]+", found[0].partition("@")[0]):
                if len(part) > 2:
                    self._learn(part.capitalize())
        for found in _HOME.finditer(text):
            self._learn(found[1])

    def _learn(self, name: str) -> None:
        parts = [part for part in name.split() if not _NO_NAMES.fullmatch(part.capitalize())]
        if parts and len(parts) == len(name.split()):
            self._names[" ".join(parts)] = None
            self._names.update(dict.fromkeys(part for part in parts if len(part) > 2))

    def _pattern(self) -> re.Pattern[str]:
        longest_first = sorted(self._names, key=len, reverse=True)
        names = "|".join(map(re.escape, longest_first)) or r"(?!)"
        secrets = "|".join(f"(?:{pattern})" for pattern in SECRETS)
        return re.compile(
            f"(?P<key>{secrets})|(?P<mail>{_MAIL})|(?P<path>{_PATH})|(?P<number>{_NUMBER})"
            f"|(?P<name>\\b(?i:{names})\\b)"
        )

    def _chat(self, given: PortableChat, pattern: re.Pattern[str]) -> PortableChat:
        chat = replace(
            given.chat,
            id=self._id(given.chat.id),
            title=self._text(given.chat.title, pattern),
            tip_id=self._maybe_id(given.chat.tip_id),
            model=self._text(given.chat.model, pattern),
            tags=tuple(self._text(tag, pattern).lower() for tag in given.chat.tags),
            forked_from=self._maybe_id(given.chat.forked_from),
        )
        messages = tuple(self._message(one, pattern) for one in given.messages)
        return PortableChat(chat, messages)

    def _message(self, one: PortableMessage, pattern: re.Pattern[str]) -> PortableMessage:
        message = one.message
        made = Message(
            id=self._id(message.id),
            parent_id=self._maybe_id(message.parent_id),
            role=message.role,
            text=self._text(message.text, pattern),
            created_at=message.created_at,
            state=message.state,
            reasoning=self._text(message.reasoning, pattern),
            error=self._text(message.error, pattern),
            model=self._text(message.model, pattern),
            # Nobody can say what a file shows, so files are left out.
            tool_calls=tuple(
                replace(
                    call,
                    arguments=self._text(call.arguments, pattern),
                    result=None if call.result is None else self._text(call.result, pattern),
                )
                for call in message.tool_calls
            ),
            summarises=message.summarises,
        )
        return PortableMessage(
            made,
            vote=one.vote,
            visited_at=one.visited_at,
            copied_from=self._maybe_id(one.copied_from),
        )

    def _text(self, text: str, pattern: re.Pattern[str]) -> str:
        return pattern.sub(self._stand_in, text)

    def _stand_in(self, found: re.Match[str]) -> str:
        text = found[0]
        match found.lastgroup:
            case "path":
                return self._path(text)
            case "number":
                return self._digits(text)
            case "mail":
                return f"person{self._number('mail', text.lower())}@example.org"
            case "name":
                return f"Person{self._number('name', text.casefold())}"
            case _:
                return f"key-{self._number('key', text)}"

    def _number(self, kind: str, text: str) -> str:
        """Counted by kind, in the order of first appearance."""
        key = (kind, text)
        if key not in self._given:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._given[key] = str(self._counts[kind])
        return self._given[key]

    def _path(self, path: str) -> str:
        """Each folder's name replaced, so that what lies in one folder still does; endings stay."""
        made = []
        for part in re.split(r"([/\\])", path):
            if part in ("/", "\\", "", "~", ".", "..") or part.endswith(":"):
                made.append(part)
                continue
            stem, dot, ending = part.rpartition(".")
            keep = dot + ending if stem and len(ending) <= 5 else ""
            made.append(f"dir{self._number('path', part.removesuffix(keep))}{keep}")
        return "".join(made)

    def _digits(self, text: str) -> str:
        """Other digits in the same places."""
        digits = re.sub(r"\D", "", text)
        drawn = hashlib.sha256(f"{self._salt}{digits}".encode()).digest()
        stream = iter("".join(str(byte % 10) for byte in drawn * (1 + len(digits) // 32)))
        return re.sub(r"\d", lambda _: next(stream), text)

    def _id(self, id_: str) -> str:
        """An id that leads nowhere, of the same time."""
        digest = hashlib.sha256(f"{self._salt}{id_}".encode()).digest()
        try:
            time = ulid_milliseconds(id_)
        except ValueError:
            time = 0
        return encode_ulid(time % (1 << 48), int.from_bytes(digest[:10], "big"))

    def _maybe_id(self, id_: str | None) -> str | None:
        return None if id_ is None else self._id(id_)


def _texts(chat: PortableChat) -> Iterator[str]:
    yield chat.chat.title
    for one in chat.messages:
        yield one.message.text
        yield one.message.reasoning
