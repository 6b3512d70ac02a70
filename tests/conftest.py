"""What holds for all tests: nothing is skipped unnoticed."""

from __future__ import annotations

import os

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail for a skip on a build machine: there, every part can be installed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("\nCI is set: a skipped test is a failure.", red=True)
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
