"""Vim's keys for a text, without a screen: a key, the text and the cursor in, a change out."""
