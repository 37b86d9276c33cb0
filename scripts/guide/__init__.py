"""Builds the guide: the small model that chatterm carries to explain itself."""
