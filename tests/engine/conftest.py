"""The fixtures of ``tests.engines``, which other folders use too."""

from tests.engines import engine as engine
from tests.engines import tiny as tiny
