"""The platforms, in a process of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.processes import Sandbox, sandbox


@pytest.fixture
def fresh_sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox that nothing has been sent to."""
    with sandbox(tmp_path) as running:
        yield running
