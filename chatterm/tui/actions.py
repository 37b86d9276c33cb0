"""Everything a user can do, once: key bindings, the user's keymap, the command palette, the footer
and the help screen are all made of this list.

An action's ``id`` is what ``keys.toml`` names and never changes; ``run`` is what Textual calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding, BindingType
from textual.dom import DOMNode

Keymap = Mapping[str, str]
"""Action id to the user's own keys for it, with commas between; empty means none."""


class Where(StrEnum):
    """Which part of the screen listens to a key; also the headings of the help screen."""

    EVERYWHERE = "Everywhere"
    CHAT = "Chat"
    COMPOSER = "Writing"
    TRANSCRIPT = "Reading"
    CHATS = "List of chats"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a user can do."""

    id: str
    label: str
    keys: str
    """Default keys, with commas between."""
    where: Where
    run: str
    """The action as Textual names it, from the widget that binds it."""
    hint: str = ""
    """A shorter label, for the footer; without one the footer does not show it."""
    in_palette: bool = True
    """Whether it makes sense away from its key."""
    priority: bool = False
    """Whether the key counts before the focused widget sees it."""


def _chat(id_: str, label: str, keys: str, run: str = "", hint: str = "") -> Action:
    name = run or id_.replace("-", "_")
    return Action(id_, label, keys, Where.CHAT, f"screen.{name}", hint)


def _composer(id_: str, label: str, keys: str, run: str = "", hint: str = "") -> Action:
    name = run or id_.replace("-", "_")
    return Action(id_, label, keys, Where.COMPOSER, name, hint, in_palette=False)


def _reading(
    id_: str, label: str, keys: str, run: str = "", hint: str = "", *, palette: bool = True
) -> Action:
    name = run or id_.replace("-", "_")
    return Action(id_, label, keys, Where.TRANSCRIPT, f"screen.{name}", hint, in_palette=palette)


def _listing(
    id_: str, label: str, keys: str, run: str, hint: str = "", *, first: bool = False
) -> Action:
    return Action(id_, label, keys, Where.CHATS, run, hint, in_palette=False, priority=first)


ACTIONS: tuple[Action, ...] = (
    Action("palette", "All commands", "ctrl+p", Where.EVERYWHERE, "app.palette", "commands", False),
    Action("help", "Keys and help", "f1", Where.EVERYWHERE, "app.help", "help"),
    Action("theme", "Choose a theme", "f6", Where.EVERYWHERE, "app.themes"),
    Action("quit", "Leave", "ctrl+q", Where.EVERYWHERE, "app.leave", priority=True),
    _chat("new-chat", "New chat", "ctrl+n", hint="new"),
    _chat("chats", "List of chats", "ctrl+b", hint="chats"),
    _chat("search", "Search prompts and chats", "ctrl+r", hint="search"),
    _chat("model", "Choose the model", "ctrl+o", "models", hint="model"),
    _chat("interrupt", "Stop, clear, leave", "ctrl+c"),
    _chat("stop", "Stop the answer and keep it", "escape"),
    _chat("editor", "Write in $EDITOR", "ctrl+g"),
    _chat("parameters", "Parameters and presets", "f2"),
    _chat("templates", "Templates and presets", "f5"),
    _chat("keep-template", "Keep what is written as a template", ""),
    _chat("detach", "Leave out the last picture", ""),
    _chat("tree", "Tree of branches", "f3"),
    _chat("compare", "Compare two models", "f4"),
    _chat("summarise", "Sum up older messages, to make room", "f7"),
    _chat("previous-chat", "Previous open chat", "ctrl+pageup"),
    _chat("next-chat", "Next open chat", "ctrl+pagedown"),
    _chat("rename-chat", "Rename this chat", "f8"),
    _chat("pin-chat", "Pin or unpin this chat", ""),
    _chat("tag-chat", "Tag this chat", ""),
    _chat("trash-chat", "Move this chat to the trash", ""),
    _chat("delete-there", "Delete this chat on its server, for good", ""),
    _chat("log-in", "Log in to a server", ""),
    _chat("trash", "Bring a chat back from the trash", ""),
    _chat("page-up", "Scroll up a page", "pageup,shift+pageup"),
    _chat("page-down", "Scroll down a page", "pagedown,shift+pagedown"),
    _chat("follow", "Go to the end and follow", "ctrl+end"),
    _composer("send", "Send; queue while an answer runs", "enter", hint="send"),
    _composer("newline", "Break the line", "shift+enter,ctrl+j,alt+enter"),
    _composer("history-previous", "Previous prompt, from the first line", "up"),
    _composer("history-next", "Next prompt, from the last line", "down"),
    _composer("complete", "Complete, or go to the transcript", "tab", hint="read"),
    _composer("unqueue", "Take the queued message back", "alt+up"),
    _composer("end-of-input", "Leave, where nothing is written", "ctrl+d"),
    _reading("message-next", "Next message", "j,down", hint="move"),
    _reading("message-previous", "Previous message", "k,up"),
    _reading("keys", "Show the keys", "question_mark", "app_help", hint="keys", palette=False),
    _reading("message-first", "First message", "g,home"),
    _reading("message-last", "Last message", "G,end"),
    _reading("edit", "Edit the message as a new branch", "e", hint="edit"),
    _reading("regenerate", "Answer again", "r", hint="again"),
    _reading("continue", "Go on where the answer ended", "full_stop", "continue_answer"),
    _reading("sibling-previous", "Previous branch", "left,h", hint="branch"),
    _reading("sibling-next", "Next branch", "right,l"),
    _reading("copy", "Copy the message", "y", "copy_message", hint="copy"),
    _reading("copy-code", "Copy code block number N", "c", "copy_code", hint="code"),
    _reading("fork", "Fork into a new chat", "f", hint="fork"),
    _reading("undo", "Undo the last change", "u", hint="undo"),
    _reading("delete", "Delete the message and what follows", "d,delete", "delete_message"),
    _reading("vote-up", "Vote for the answer", "plus"),
    _reading("vote-down", "Vote against the answer", "minus"),
    _reading("prefer", "Prefer this answer to its siblings", ""),
    _reading("report", "Report the answer to its server", ""),
    _reading("find", "Find in this chat", "slash", hint="find"),
    _reading("find-next", "Next match", "n", palette=False),
    _reading("find-previous", "Previous match", "N", palette=False),
    _reading("fold", "Unfold or fold reasoning and tools", "space"),
    _reading("open-link", "Open a link", "o", "open_link"),
    _reading("jump", "Jump: a letter for everything in sight", "s", hint="jump"),
    _reading("select-down", "Select by rows", "v,shift+down", palette=False),
    _reading("select-up", "Select fewer rows", "V,shift+up", palette=False),
    _reading("scroll-down", "Scroll down", "J,ctrl+down", palette=False),
    _reading("scroll-up", "Scroll up", "K,ctrl+up", palette=False),
    _reading("message-editor", "Open the message in $EDITOR", "E", "message_editor"),
    _reading("compose", "Back to writing", "i,enter,tab", hint="write", palette=False),
    _listing("chat-open", "Open", "enter", "open", hint="open"),
    _listing("chats-close", "Back", "escape", "close", hint="back"),
    _listing("chat-pin", "Pin or unpin", "ctrl+s", "pin", hint="pin"),
    _listing("chat-tag", "Tag", "ctrl+t", "tag", hint="tag"),
    _listing("chat-rename", "Rename", "f8", "rename", hint="rename"),
    # Before the line that is typed in sees it, where it would cut.
    _listing("chat-trash", "Move to the trash", "ctrl+x", "trash", hint="trash", first=True),
    _listing("chat-undo", "Take the last change back", "ctrl+z", "undo", hint="undo"),
)

BY_ID = {action.id: action for action in ACTIONS}


def actions_of(where: Where) -> tuple[Action, ...]:
    return tuple(action for action in ACTIONS if action.where is where)


def bind(node: DOMNode, where: Where, keymap: Keymap) -> None:
    """Give a part of the screen its keys; to be called in its ``__init__``.

    Textual has a keymap of its own, but that one drops what a base class bound to a key that is
    moved away, and cannot move an action that has no key. A key of ours comes before one of the
    base class, which still gets it where our action skips.
    """
    for action in actions_of(where):
        put_first(node, _bindings(action, keymap))


def put_first(node: DOMNode, bindings: Sequence[BindingType]) -> None:
    """Bind keys before what a base class has bound to them."""
    bound = node._bindings.key_to_bindings
    for binding in Binding.make_bindings(bindings):
        others = [known for known in bound.get(binding.key, []) if known.id is None]
        ours = [known for known in bound.get(binding.key, []) if known.id is not None]
        bound[binding.key] = [*ours, binding, *others]


def _bindings(action: Action, keymap: Keymap) -> list[BindingType]:
    keys = keys_now(action, keymap)
    if not keys:
        return []
    return [Binding(keys, action.run, action.label, False, id=action.id, priority=action.priority)]


_SHOWN = {
    "escape": "Esc",
    "enter": "Enter",
    "tab": "Tab",
    "space": "Space",
    "delete": "Del",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "slash": "/",
    "full_stop": ".",
    "question_mark": "?",
    "plus": "+",
    "minus": "-",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "home": "Home",
    "end": "End",
}
_MODIFIERS = {"ctrl": "Ctrl", "alt": "Alt", "shift": "Shift", "super": "Super"}


def shown_key(key: str) -> str:
    """A key as a keyboard has it: ``ctrl+o`` is Ctrl+O."""
    *modifiers, last = key.split("+")
    name = _SHOWN.get(last) or (last.upper() if modifiers or _is_function(last) else last)
    return "+".join([*(_MODIFIERS.get(word, word) for word in modifiers), name])


def shown_keys(keys: str, most: int = 9) -> str:
    return "  ".join(shown_key(key) for key in keys.split(",")[:most] if key)


def _is_function(key: str) -> bool:
    return len(key) > 1 and key[0] == "f" and key[1:].isdigit()


def keys_now(action: Action, keymap: Keymap) -> str:
    """The keys an action has once the user's own count."""
    return keymap.get(action.id, action.keys)
