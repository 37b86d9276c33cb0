"""Whole screens and dialogs of the TUI, one a module."""
