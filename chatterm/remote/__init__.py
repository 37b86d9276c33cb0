"""Hosted models: servers that speak Open-Assistant, OpenAI or Ollama, over HTTP."""
