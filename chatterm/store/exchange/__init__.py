"""Chats in files: one module a format, with plain values in and out.

A format's reader makes :class:`~chatterm.store.exchange.values.PortableChat` values out of what a
file says, a writer makes text out of them; ``gather`` takes them out of the database and ``place``
puts them in. ``formats`` knows them all.
"""
