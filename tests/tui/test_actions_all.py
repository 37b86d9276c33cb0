"""Every action has a test that says what it does."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from chatterm.tui.actions import ACTIONS

ELSEWHERE = {
    "templates": "test_the_list_of_templates_removes_only_when_it_is_sure",
    "keep-template": "test_what_is_written_becomes_a_template",
    "detach": "test_backspace_at_the_beginning_and_a_click_leave_pictures_out",
    "theme": "test_the_chat_and_what_has_a_key",
    "compare": "test_two_models_answer_side_by_side",
    "delete-there": "test_deleting_there_is_asked_for_and_what_is_here_stays",
    "prefer": "test_votes_reports_and_preferences_reach_the_server",
    "trash": "test_the_trash_gives_a_chat_back",
    "report": "test_votes_reports_and_preferences_reach_the_server",
}
"""Actions whose effect takes more than a chat, and where it is looked at."""


def _known_tests() -> set[str]:
    return {
        node.name
        for file in Path(__file__).parent.glob("test_*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize("id_", [action.id for action in ACTIONS])
def test_what_an_action_does_is_tested(id_: str) -> None:
    wanted = ELSEWHERE.get(id_, f"test_{id_.replace('-', '_')}")
    assert wanted in _known_tests(), f"write {wanted} in tests/tui/test_actions_*.py"
