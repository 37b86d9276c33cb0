"""Open-Assistant inference servers, of every generation that had an event stream of its own.

Such a server keeps the chats itself, as trees; what it minted is remembered in links. It was
changed often and has known defects, so this negotiates, checks, and believes the stored message
more than the stream.
"""
