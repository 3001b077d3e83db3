"""A world on each of the two databases."""

from collections.abc import Iterator

import pytest

from tests.support.engine import World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """An empty world; `furnish` or its parts fill it."""
    with World(database_url) as made:
        yield made
