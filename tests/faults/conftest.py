"""What a scenario needs when pytest runs it."""

import pytest

from tests.faults.frame import Stores
from tests.support.postgres import Server


@pytest.fixture
def stores(request: pytest.FixtureRequest) -> Stores:
    """Makes databases; the PostgreSQL server is started when the first one is asked for."""

    def template() -> bytes:
        found: bytes = request.getfixturevalue("sqlite_template")
        return found

    def server() -> Server:
        found: Server = request.getfixturevalue("postgres_server")
        return found

    return Stores(template, server)
