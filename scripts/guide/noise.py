"""Makes questions look as people type them: frames, polite words, slips of the finger."""

from __future__ import annotations

import random
import re

ACTIONS = frozenset(
    """
    accept access activate add adjust allow apply archive ask attach avoid backup block bring
    browse build bypass call cancel carry change check choose clean clear clone close combine
    compare complete compose configure connect continue convert copy create cut debug decrease
    define delete detach disable disconnect discard display download drop dump duplicate edit
    embed enable end enlarge enter erase exclude exit expand export expose extract feed fetch
    filter find fix flip force forget fork free generate get give go grab have hide import
    include increase insert inspect install introduce invite jump keep kill label launch learn
    leave let limit list load locate lock log look lower make manage merge migrate modify move
    name narrow open organize overwrite pass paste pause permanently pick pin pipe play point
    prevent print protect pull purge push put quit raise reach read rebind recall recover redact
    redirect redo reduce refresh regenerate register reject release reload remember remove rename
    reopen repair repeat replace report resend reset resize restart restore restrict resume
    retrieve retry return reuse revert review revoke rewrite roll run save scan scroll search see
    select send separate serve set share show shrink shut sign silence skip sort speed split
    start stay stop store strip submit suggest suppress swap switch sync tag take teach tell test
    throw toggle trace transfer translate trim try turn unblock undelete undo uninstall unload
    update upgrade upload use verify view wipe write yank
    """.split()  # noqa: SIM905 - a list of words is read as words
)
FRAMES = (
    "how do i {}",
    "how do i {}",
    "how do i {}",
    "how to {}",
    "how to {}",
    "how can i {}",
    "how can i {}",
    "how would i {}",
    "how could i {}",
    "how do you {}",
    "how does one {}",
    "how do we {}",
    "how should i {}",
    "how am i supposed to {}",
    "how is it possible to {}",
    "what do i do to {}",
    "what do i type to {}",
    "what do i press to {}",
    "what do i need to {}",
    "what must i do to {}",
    "what is the command to {}",
    "what's the command to {}",
    "what's the way to {}",
    "what is the best way to {}",
    "what is the easiest way to {}",
    "which command lets me {}",
    "which key lets me {}",
    "which option do i use to {}",
    "is there a way to {}",
    "is there any way to {}",
    "is there a command to {}",
    "is it possible to {}",
    "can i {}",
    "can i {}",
    "could i {}",
    "am i able to {}",
    "may i {}",
    "i want to {}",
    "i want to {}",
    "i'd like to {}",
    "i would like to {}",
    "i need to {}",
    "i have to {}",
    "i'm trying to {}",
    "i am trying to {}",
    "i wish to {}",
    "i can't figure out how to {}",
    "i don't know how to {}",
    "i forgot how to {}",
    "show me how to {}",
    "can you show me how to {}",
    "can you tell me how to {}",
    "could you tell me how to {}",
    "tell me how to {}",
    "explain how to {}",
    "do you know how to {}",
    "please explain how to {}",
    "help me {}",
    "help me to {}",
    "where can i {}",
    "where do i {}",
    "any idea how to {}",
    "steps to {}",
    "command to {}",
    "way to {}",
    "trying to {}",
    "need to {}",
    "want to {}",
    "{}",
    "{}",
    "{}",
    "{}",
    "{}",
)
KEYWORD_FRAMES = (
    "what about {}",
    "tell me about {}",
    "question about {}",
    "a question about {}",
    "help with {}",
    "i need help with {}",
    "i have a question about {}",
    "how about {}",
    "something about {}",
    "info on {}",
    "explain {}",
    "{} how",
    "how {}",
    "{} help",
    "{} please",
)
_STRIPPED = re.compile(
    r"^(?:how (?:do|can|would|could|should) (?:i|you|we|one) (?:best |quickly |easily )?|how to "
    r"|(?:can|could|may) i "
    r"|i(?: want| need| have|'d like| would like|'m trying| am trying| wish) to "
    r"|is (?:there (?:a|any) way|it possible) to "
    r"|what(?:'s| is) the (?:best |easiest )?(?:way|command) to "
    r"|show me how to |tell me how to )(.+)$"
)
_BEFORE = (
    "hi, ", "hello, ", "hey, ", "hey ", "hi ", "please ", "please, ", "ok, ", "ok so ", "so, ",
    "so ", "quick question: ", "question: ", "one question: ", "sorry, ", "excuse me, ", "um, ",
    "well, ", "now ", "a newbie question: ", "good morning, ", "dumb question, ",
    "another question: ", "and ", "also, ", "btw ", "just wondering, ", "i was wondering, ",
    "actually, ", "hm, ", "say, ", "oh and ", "alright, ",
)  # fmt: skip
_AFTER = (
    " please", " please", ", please", " thanks", ", thanks", " thx", " pls", " plz", " again",
    " now", " quickly", ", any idea", ", any ideas", ", help", " if possible", ", can you help",
    ", can you tell me", " for me", ", i forgot", ", i'm lost", " exactly", " then", " here",
    " though", ", thank you", " ?", " ??", " :)",
)  # fmt: skip
_SHORTER = (
    ("what is", "what's"), ("what is", "whats"), ("what's", "what is"), ("i am", "i'm"),
    ("i'm", "im"), ("don't", "dont"), ("can't", "cant"), ("doesn't", "doesnt"),
    ("do not", "don't"), ("it's", "its"), ("you", "u"), ("because", "cause"),
    ("how do i", "how do you"), ("please", "pls"), ("want to", "wanna"),
    ("how can i", "how do i"), ("cannot", "can't"), ("i have", "i've"), ("where is", "where's"),
    ("conversation", "chat"), ("conversations", "chats"), ("chat", "conversation"),
    ("chats", "conversations"), ("remove", "delete"), ("delete", "remove"), ("program", "app"),
    ("app", "program"), ("computer", "machine"), ("computer", "pc"), ("machine", "computer"),
    ("laptop", "computer"), ("picture", "image"), ("reply", "answer"), ("response", "answer"),
    ("answer", "reply"), ("folder", "directory"), ("directory", "folder"), ("fetch", "download"),
    ("key", "shortcut"), ("settings", "configuration"), ("picture", "photo"),
    ("show", "display"), ("see", "view"),
)  # fmt: skip
_NEIGHBOURS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj",
    "i": "uo", "j": "hk", "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o",
    "q": "wa", "r": "et", "s": "ad", "t": "ry", "u": "yi", "v": "cb", "w": "qe", "x": "zc",
    "y": "tu", "z": "x",
}  # fmt: skip


def action_of(phrasing: str) -> str | None:
    """What is to be done, without the frame around it; None where the phrasing names no action."""
    match = _STRIPPED.match(phrasing)
    if match:
        return match[1]
    first, _, rest = phrasing.partition(" ")
    return phrasing if rest and first in ACTIONS else None


def is_keyword(phrasing: str) -> bool:
    """Whether it is a mere noun or two."""
    words = phrasing.split()
    asking = {
        "how",
        "what",
        "which",
        "who",
        "why",
        "where",
        "when",
        "is",
        "are",
        "do",
        "does",
        "can",
        "i",
        "my",
        "it",
    }
    asking |= {
        "the",
        "you",
        "will",
        "should",
        "there",
        "no",
        "not",
        "please",
        "that",
        "this",
        "only",
        "a",
        "am",
    }
    return (
        len(words) <= 3 and words[0] not in asking | ACTIONS and phrasing.replace(" ", "").isalpha()
    )


def framed(rng: random.Random, phrasing: str) -> str:
    """The same question in another frame, now and then."""
    action = action_of(phrasing)
    if action is not None and rng.random() < 0.5:
        return rng.choice(FRAMES).format(action)
    if is_keyword(phrasing) and rng.random() < 0.3:
        return rng.choice(KEYWORD_FRAMES).format(phrasing)
    return phrasing


def polite(rng: random.Random, text: str) -> str:
    """With words around it that mean nothing."""
    if rng.random() < 0.12:
        text = rng.choice(_BEFORE) + text
    if rng.random() < 0.08:
        text = text.rstrip("?.! ") + rng.choice(_AFTER)
    return text


def noisy(rng: random.Random, text: str) -> str:
    """With other forms of words, slips, lost words, and some sign at the end."""
    if rng.random() < 0.25:
        text = _other_words(rng, text)
    if rng.random() < 0.10:
        text = _fewer_words(rng, text)
    if rng.random() < 0.18:
        text = _slip(rng, text)
    if rng.random() < 0.04:
        text = _slip(rng, text)
    return _ended(rng, text)


def _other_words(rng: random.Random, text: str) -> str:
    padded = f" {text} "
    known = [pair for pair in _SHORTER if f" {pair[0]} " in padded]
    if not known:
        return text
    old, new = rng.choice(known)
    return padded.replace(f" {old} ", f" {new} ", 1).strip()


def _fewer_words(rng: random.Random, text: str) -> str:
    """Small words go first: without its nouns a question is another one."""
    words = text.split()
    small = [
        n
        for n, word in enumerate(words)
        if len(word) <= 3 and word.isalpha() and word not in {"not", "no"}
    ]
    if len(words) < 5 or not small:
        return text
    gone = {rng.choice(small)} if rng.random() < 0.7 else set(small)
    kept = [word for n, word in enumerate(words) if n not in gone]
    return " ".join(kept) if len(kept) >= 2 else text


def _slip(rng: random.Random, text: str) -> str:
    places = [n for n, sign in enumerate(text) if sign.isalpha()]
    if len(places) < 6:
        return text
    at = rng.choice(places[1:])
    kind = rng.random()
    if kind < 0.3:
        return text[:at] + text[at + 1 :]
    if kind < 0.55 and at + 1 < len(text):
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if kind < 0.75:
        return text[:at] + text[at] + text[at:]
    return text[:at] + rng.choice(_NEIGHBOURS.get(text[at], "e")) + text[at + 1 :]


def _ended(rng: random.Random, text: str) -> str:
    text = text.rstrip("?.! ") or text
    chance = rng.random()
    asks = text.startswith(("how", "what", "wh", "is ", "are ", "can ", "do ", "does ", "could "))
    if chance < (0.45 if asks else 0.12):
        return text + "?"
    if chance < (0.47 if asks else 0.27):
        return text + "."
    if chance < 0.49:
        return text + rng.choice(("!", "??", "...", " ?", "!!"))
    return text
