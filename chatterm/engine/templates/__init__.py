"""From a chat to a prompt, through the model's own chat template.

What a person, a tool or a file has said is never taken for a special token, and a template that
came with a model file is not trusted with anything but making text.
"""

from chatterm.engine.templates.guard import Segment
from chatterm.engine.templates.template import ChatTemplate, Prompt

__all__ = ["ChatTemplate", "Prompt", "Segment"]
