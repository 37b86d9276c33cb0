"""The third face: the same core over HTTP. Nothing outside this package imports fastapi or uvicorn.

A dialect (a folder here) turns its wire into requests and jobs into its wire. It knows
:class:`~chatterm.server.core.Server` and never another dialect.
"""
