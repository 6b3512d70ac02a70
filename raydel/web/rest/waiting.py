"""Waiting for what goes on without the one who waits."""

from __future__ import annotations

from typing import TypeVar

from twisted.internet.defer import Deferred

Result = TypeVar("Result")


def onlooker(work: Deferred[Result]) -> Deferred[Result]:
    """Return what fires as the work does, and can be cancelled without it.

    Klein cancels what it waits for when the client hangs up. The end of a session,
    once ordered, goes on; and a store is not torn out of what it reads.
    """
    looking_on: Deferred[Result] = Deferred()
    work.chainDeferred(looking_on)
    return looking_on
