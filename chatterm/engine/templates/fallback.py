"""Templates for models that came without one."""

from __future__ import annotations

from collections.abc import Collection

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
PLAIN = (
    "{% for message in messages %}"
    "{% if message.role == 'user' %}{{ 'User: ' }}"
    "{% elif message.role == 'assistant' %}{{ 'Assistant: ' }}{% endif %}"
    "{{ message.content | trim + '\\n\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)


def fallback_template(special_tokens: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """A template that the model may understand, and what ends an answer in it."""
    if "<|im_start|>" in special_tokens:
        return CHATML, ("<|im_end|>",)
    return PLAIN, ("\nUser:", "\nAssistant:")
