"""OpenAI's API without state: models, chat completions, completions, embeddings."""

from chatterm.server.openai.dialect import DIALECT

__all__ = ["DIALECT"]
