"""OpenAI's Responses and Conversations: answers that the server keeps, and goes on from."""

from chatterm.server.responses.dialect import DIALECT

__all__ = ["DIALECT"]
