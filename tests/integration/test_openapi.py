"""The REST calls keep what their description promises."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.program import Program
from tests.integration.rest_attempts import attempt, hosted

ATTEMPTS = 10
"""Of each call in each way: 600 requests or so, within ten seconds. `make openapi`
makes many more."""


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """Run the real server, with sessions and takes."""
    with hosted(tmp_path) as running:
        yield running


def test_nothing_is_found(program: Program) -> None:
    """Nobody who asks in strange ways gets an answer that is not described."""
    tried = attempt(
        program,
        ATTEMPTS,
        "--generation-deterministic",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert tried.returncode == 0, tried.stdout
    assert "Operations:       18 selected / 18 total" in tried.stdout
