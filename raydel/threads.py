"""Work that takes long, and where it is done."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

InThread = Callable[[Callable[[], Any]], Deferred[Any]]
"""Runs something away from the reactor; fires with what comes of it."""


def at_once(work: Callable[[], Any]) -> Deferred[Any]:
    """Run it here and now."""
    done: Deferred[Any] = maybeDeferred(work)
    return done


def on_its_own(reactor: Any, work: Callable[[], Any]) -> Deferred[Any]:
    """Run it in a thread that nobody waits for at the end of the program.

    The threads of a reactor's pool are waited for, without a limit: what may hang has
    no place there.

    Args:
        reactor: Where the outcome is told.
        work: What to run.

    Returns:
        Fires with what comes of it; cancelled, it fires at once, and the work goes on.
    """
    done: Deferred[Any] = Deferred()

    def run() -> None:
        try:
            outcome = work()
        except BaseException:
            outcome = Failure()
        reactor.callFromThread(done.callback, outcome)

    Thread(target=run, name="raydel", daemon=True).start()
    return done
