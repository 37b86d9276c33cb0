"""The full-screen face: draws chats, takes keys. What is done with a chat is the session's.

Only :mod:`chatterm.tui.launch` is imported from outside. The process that draws never loads
llama.cpp, and opens before a model does.
"""
