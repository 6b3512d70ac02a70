"""Work that takes long, and where it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred

InThread = Callable[[Callable[[], Any]], Deferred[Any]]
"""Runs something away from the reactor; fires with what comes of it."""


def at_once(work: Callable[[], Any]) -> Deferred[Any]:
    """Run it here and now."""
    done: Deferred[Any] = maybeDeferred(work)
    return done
