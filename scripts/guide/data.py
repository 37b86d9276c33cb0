"""Generates the conversations that the guide is trained on: endless, and the same for a seed."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scripts.guide.noise import framed, noisy, polite
from scripts.guide.outside import outside, pasted
from scripts.guide.topics import Topic, load_questions, load_topics, spoken

LAST_LENGTH = 320
"""Characters that the chat template leaves of the question."""
OLDER_LENGTH = 200
"""Characters that it leaves of what was said before."""
KEPT_MESSAGES = 5

CHAT_TEMPLATE = (
    "{%- set ms = messages | rejectattr('role', 'equalto', 'system') | list -%}"
    f"{{%- for m in ms[-{KEPT_MESSAGES}:] -%}}"
    "{%- set c = m['content'] | string | replace('<|', '< |') -%}"
    "{%- if m['role'] == 'user' -%}{%- set c = c | lower | trim -%}{%- endif -%}"
    f"{{%- set n = {LAST_LENGTH} if loop.last else {OLDER_LENGTH} -%}}"
    "{%- if c | length > n -%}{%- set c = c[:n // 2] + ' ... ' + c[-(n // 2):] -%}{%- endif -%}"
    "{{ '<|im_start|>' + m['role'] + '\\n' + c + '<|im_end|>\\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}"
)
"""What ``shortened`` does, for llama.cpp: prompts stay as the guide knows them."""

SMALL_TALK = frozenset(
    (
        "hello",
        "how-are-you",
        "thanks",
        "bye",
        "ok",
        "repeat",
        "more-detail",
        "not-what-i-asked",
        "compliment",
        "insult",
    )
)
"""Topics whose phrasings are whole: in another frame they would mean something else."""
_WHOLE = SMALL_TALK | {
    "no-actions",
    "no-gibberish",
    "languages",
    "who-are-you",
    "are-you-chatgpt",
    "what-can-you-do",
}
_LATER = (
    "thanks",
    "bye",
    "ok",
    "more-detail",
    "not-what-i-asked",
    "compliment",
    "insult",
    "hello",
)
OUTSIDE_SHARE = 0.27
"""Of the questions, those that are not about chatterm."""


def _texts(listed: str) -> tuple[str, ...]:
    return tuple(text.strip() for text in listed.strip().replace("\n", "|").split("|"))


_ASK_EXAMPLE = _texts("""
    show me an example|example|an example|an example please|give me an example
    can you give me an example|for example|can i see an example|example please|like what|such as
    for instance|could you show me an example|do you have an example|i need an example
    an example would help|any example|got an example|what would that look like
    what does that look like|how does that look in practice|show me how that looks
    let me see an example|one example|give an example|provide an example|what would i type
    what exactly do i type|what do i have to type exactly|how would i write that
    show me the exact command|can you show it|show me|demonstrate|an instance please|sample
    give me a sample|show a sample|concrete example|a concrete example please|example of that
    an example of that|example of this please|could i have an example|please show me
    with an example please|can you illustrate that|illustrate|how would that look
    show it to me with an example|eg|e.g.|can you demonstrate that|is there an example
    some example|examples|show examples|more concrete please|be more concrete
    can you be more specific with an example|i'd like an example|i want to see an example
    type it out for me as an example|what is an example of that|so for example|example usage
    usage example|how is it used|how do i use that exactly
""")
_ASK_REPEAT = _texts("""
    say that again|repeat|repeat that|can you repeat that|again|once more|what did you say
    come again|pardon|repeat please|say it again please|what was that|could you say that again
    one more time|i missed that, say it again|sorry, what was that|please repeat your answer
    repeat the last answer|what was that again|tell me again|tell me that once more
    huh, say again
""")
_LINKS = (
    "and ",
    "so ",
    "ok, ",
    "ok ",
    "ok and ",
    "then ",
    "and then ",
    "alright, ",
    "good, ",
    "fine, ",
    "thanks, ",
    "thanks, and ",
    "great, ",
    "but ",
)
_THINGS = re.compile(
    r"\b(?:an?|the|my|this|that|some|all|old|these|those|one|your)(?: \w+)? "
    r"(?:chats?|conversations?|models?|files?|messages?|servers?|keys?|templates?|answers?|prompts?|remotes?|engines?|settings?|config)\b"
)
_PRONOUNS = ("it", "it", "that", "this", "one", "them", "the thing")


@dataclass(frozen=True, slots=True)
class Turn:
    """A question, what the guide says to it, and the number of that answer."""

    question: str
    answer: str
    label: int


def shortened(text: str, *, last: bool) -> str:
    """As the chat template cuts a message."""
    length = LAST_LENGTH if last else OLDER_LENGTH
    half = length // 2
    return f"{text[:half]} ... {text[-half:]}" if len(text) > length else text


class Generator:
    """Makes conversations; each call goes on with the same random numbers."""

    def __init__(
        self,
        topics: Mapping[str, Topic],
        seed: int,
        test: frozenset[str] = frozenset(),
        outside_share: float = OUTSIDE_SHARE,
    ) -> None:
        """``test`` are the questions of the test: putting words together makes none of them."""
        self._rng = random.Random(seed)
        self._outside_share = outside_share
        self._topics = topics
        self._labels = {name: number for number, name in enumerate(topics)}
        self._forbidden = test - written_texts(topics)
        self._inside = [name for name, topic in topics.items() if not topic.outside]
        self._weights = [_weight(topics[name]) for name in self._inside]
        self._outside = [name for name, topic in topics.items() if topic.outside]
        self._outside_weights = [
            2.6 if name in ("no-general", "no-unknown-feature") else 1.0 for name in self._outside
        ]
        self._extra = {name: _derived(topic, topics) for name, topic in topics.items()}

    @property
    def classes(self) -> int:
        """How many different answers there are: one and an example for each topic."""
        return 2 * len(self._topics)

    @property
    def refusals(self) -> frozenset[int]:
        """The labels of what is not about chatterm."""
        return frozenset(self._labels[name] for name in self._outside)

    def answers(self) -> list[str]:
        """By label."""
        return [
            *(t.answer for t in self._topics.values()),
            *(t.example for t in self._topics.values()),
        ]

    def written(self) -> list[tuple[str, int]]:
        """What somebody wrote for training that stands alone, with its labels."""
        topics = self._topics.items()
        return [(text, self._labels[name]) for name, topic in topics for text in topic.phrasings]

    def question(self) -> tuple[str, int]:
        """A question that needs nothing before it, with its label."""
        topic, question = self._first()
        return question, self._labels[topic]

    def question_like(self, question: str) -> str:
        """Another one that shares a word with it, if one is soon found."""
        words = {word for word in question.split() if len(word) > 3}
        for _ in range(6):
            other, _ = self.question()
            if not words.isdisjoint(other.split()):
                return other
        return other

    def held_out(self) -> list[tuple[str, int]]:
        """Questions that are not in what is generated, with their labels."""
        topics = self._topics.items()
        return [(text, self._labels[name]) for name, topic in topics for text in topic.held_out]

    def conversation(self) -> list[Turn]:
        rng = self._rng
        (length,) = rng.choices((1, 2, 3), weights=(58, 32, 10))
        topic, question = self._first()
        turns = [self._turn(topic, question)]
        while len(turns) < length:
            next_topic, turn = self._next(topic, turns[-1])
            if spoken(turn.question) not in self._forbidden:
                topic = next_topic
                turns.append(turn)
        return turns

    def recital(self) -> list[Turn]:
        """Any of the answers, all as often, for it to be learnt by heart."""
        rng = self._rng
        topic = rng.choice(list(self._topics))
        asked = shortened(self._asked(topic).lower().strip(), last=True)
        if not asked or spoken(asked) in self._forbidden:
            return self.recital()
        first = self._turn(topic, asked)
        if rng.random() < 0.5:
            return [first]
        label = first.label + len(self._topics)
        return [
            first,
            Turn(rng.choice(_ASK_EXAMPLE), self._topics[topic].example, label),
        ]

    def _turn(self, topic: str, question: str) -> Turn:
        return Turn(question, self._topics[topic].answer, self._labels[topic])

    def _first(self) -> tuple[str, str]:
        """A topic and a question that needs nothing before it."""
        while True:
            topic, question = self._any()
            question = shortened(question.lower().strip(), last=True)
            if question and spoken(question) not in self._forbidden:
                return topic, question

    def _any(self) -> tuple[str, str]:
        rng = self._rng
        chance = rng.random()
        if chance < 0.012:
            return pasted(rng)
        if chance < 0.012 + self._outside_share / 2:
            topic, question = outside(rng)
            return topic, noisy(rng, polite(rng, question)) if topic != "no-gibberish" else question
        if chance < 0.012 + self._outside_share:
            (topic,) = rng.choices(self._outside, self._outside_weights)
        else:
            (topic,) = rng.choices(self._inside, self._weights)
        return topic, self._asked(topic)

    def _asked(self, topic: str) -> str:
        rng = self._rng
        extra = self._extra[topic]
        if extra and rng.random() < 0.05:
            question = rng.choice(extra)
        else:
            question = rng.choice(self._topics[topic].phrasings)
        if topic == "no-gibberish":
            return question
        if topic not in _WHOLE:
            question = framed(rng, question)
            if rng.random() < 0.08:
                question += rng.choice((", ", ". ", " - ", " ")) + rng.choice(
                    self._topics[topic].phrasings
                )
            if not topic.startswith("no-") and rng.random() < 0.04 and "chatterm" not in question:
                question += rng.choice(
                    (
                        " in chatterm",
                        " with chatterm",
                        " in this program",
                        " in this app",
                        " here",
                    )
                )
        if topic not in SMALL_TALK:
            question = polite(rng, question)
        return noisy(rng, question)

    def _next(self, topic: str, before: Turn) -> tuple[str, Turn]:
        """What is asked after an answer, and the topic it is about then."""
        rng = self._rng
        chance = rng.random()
        follow_ups = self._topics[topic].follow_ups
        if chance < 0.20:
            example = self._topics[topic].example
            label = self._labels[topic] + len(self._topics)
            return topic, Turn(self._linked(rng.choice(_ASK_EXAMPLE)), example, label)
        if chance < 0.28:
            words = rng.choice(
                _ASK_REPEAT if rng.random() < 0.6 else self._topics["repeat"].phrasings
            )
            return topic, Turn(noisy(rng, words), before.answer, before.label)
        if chance < 0.68 and follow_ups:
            to = rng.choice(tuple(follow_ups))
            return to, self._turn(to, self._follow_up(to, follow_ups[to]))
        if chance < 0.76:
            to = rng.choice(_LATER)
            return to, self._turn(to, self._asked(to))
        to, question = self._first()
        return to, self._turn(to, self._linked(question) if rng.random() < 0.3 else question)

    def _follow_up(self, topic: str, written: Sequence[str]) -> str:
        """A follow-up as it is written, or what is asked for its topic with a pronoun in it."""
        rng = self._rng
        if rng.random() < 0.75:
            return self._linked(rng.choice(written))
        question = rng.choice(self._topics[topic].phrasings)
        if topic not in _WHOLE:
            question = framed(rng, question)
        if rng.random() < 0.7:
            question = _THINGS.sub(rng.choice(_PRONOUNS), question, count=1)
        return self._linked(question)

    def _linked(self, question: str) -> str:
        """With another word, or none, between it and what was said before."""
        rng = self._rng
        if rng.random() < 0.4:
            for link in ("and ", "so ", "ok, ", "ok "):
                question = question.removeprefix(link)
            if rng.random() < 0.6:
                question = rng.choice(_LINKS) + question
        return noisy(rng, question).lower()


def _weight(topic: Topic) -> float:
    """How often it is asked for: what is asked in more ways needs more practice."""
    return math.sqrt(len(topic.phrasings)) * (0.6 if topic.id in SMALL_TALK else 1.0)


def make_generator(
    seed: int,
    *,
    hold_out: bool = True,
    without: str = "",
    outside_share: float = OUTSIDE_SHARE,
) -> Generator:
    topics, _ = load_topics(hold_out, without)
    return Generator(topics, seed, load_questions().spoken(), outside_share)


def written_texts(topics: Mapping[str, Topic]) -> frozenset[str]:
    """What somebody wrote for training, as ``spoken`` has it: the test leaves these out."""
    texts = [text for topic in topics.values() for text in topic.phrasings]
    for topic in topics.values():
        texts += [text for written in topic.follow_ups.values() for text in written]
    return frozenset(map(spoken, (*texts, *_ASK_EXAMPLE, *_ASK_REPEAT)))


def _derived(topic: Topic, topics: Mapping[str, Topic]) -> tuple[str, ...]:
    """Questions for what only this topic's answer names in backticks, command by command."""
    if topic.outside or topic.id in SMALL_TALK:
        return ()
    others = " ".join(
        other.answer + other.example for other in topics.values() if other is not topic
    )
    named = re.findall(r"`([^`]+)`", topic.answer)
    own = [name.lower() for name in named if name not in others and len(name) > 3]
    frames = (
        "what does {} do",
        "{}",
        "what is {}",
        "how does {} work",
        "explain {}",
        "how do i use {}",
        "when do i use {}",
    )
    return tuple(frame.format(name) for name in own for frame in frames)
