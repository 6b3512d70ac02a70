"""What the integration tests share: the running program and fresh codes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.phones import new_code
from tests.integration.program import Program


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Run the real program for the tests of one module."""
    with Program(tmp_path_factory.mktemp("server")) as program:
        yield program


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Program]:
    """Run the real program for one test alone."""
    with Program(tmp_path) as program:
        yield program


@pytest.fixture
def code() -> str:
    """Draw a session code that no other test uses."""
    return new_code()
