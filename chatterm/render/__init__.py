"""Text made fit for a screen: sanitised, parsed as Markdown, wrapped into styled lines.

Nothing here knows Textual or a terminal; the TUI and `ask` share it. `document.render` renders a
whole text, `document.StreamDoc` one that still grows, `ansi` writes lines for a terminal.
"""
