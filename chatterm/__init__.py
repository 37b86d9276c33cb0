"""chatterm: a chat that lives in the terminal and carries its own model.

Importing the package imports nothing else; every face and island is loaded by whoever needs it.
"""

__version__ = "0.1.0"
