"""The Open-Assistant dialect: what its text clients and its website ask for, of all generations."""

from __future__ import annotations

from chatterm.server.dialect import Dialect
from chatterm.server.openassistant.routes import refused, routes

DIALECT = Dialect("openassistant", ("/",), routes, refused)
