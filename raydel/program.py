"""The running program as a whole: how it is set up, logs and ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import ReactorNotRunning
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized
from twisted.python.logfile import LogFile
from twisted.python.util import runAsEffectiveUser

from raydel import __version__
from raydel.endpoints import unservable
from raydel.interfaces import StoreTrouble
from raydel.logs import LineObserver, destination
from raydel.options import Options

LAST_WORDS: Final = 4.0
"""Seconds the parts may take to end: phones are told, open calls are answered.

Process managers and people lose patience after five.
"""

_T = TypeVar("_T")

_log: Final = Logger()


def settle(reactor: Any) -> None:
    """Set what belongs to the process, before anything is scheduled.

    Args:
        reactor: What the program will run on.
    """
    # A reactor counts in wall-clock time: when that steps by an hour, all timers
    # fire at once, or none does.
    reactor.seconds = time.monotonic
    # Whoever is asked twice to end, by Ctrl-C say, does not stumble over it.
    stop = reactor.stop

    def stop_once() -> None:
        with suppress(ReactorNotRunning):
            stop()

    reactor.stop = stop_once
    # What closes a terminal ends no match.
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def on_hangup(reactor: Any, call: Callable[[], None]) -> None:
    """Answer SIGHUP, with which people ask a program to read its files anew.

    Args:
        reactor: Where it is answered: a signal may come in the middle of anything.
        call: The answer.
    """
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(call))


def as_later(options: Options, call: Callable[[], _T]) -> _T:
    """Do something with the rights that the running program is going to have.

    ``twistd --uid`` gives those of root up only later: what is made before that would
    be root's, and closed to the program.

    Args:
        options: With twistd's own above them.
        call: What to do.

    Returns:
        What it returns.
    """
    twistd: Mapping[str, Any] = options.parent or {}
    own = os.geteuid(), os.getegid()
    uid, gid = (
        mine if asked is None else asked
        for mine, asked in zip(own, map(twistd.get, ("uid", "gid")), strict=True)
    )
    if own[0] != 0 or (uid, gid) == own:
        return call()
    done: _T = runAsEffectiveUser(uid, gid, call)
    return done


class Program(MultiService):
    """All services of the program.

    Args:
        options: What the operator chose.
        reactor: What the program runs on.
        parts: The services, in the order they start. They stop the other way
            round: with the ports last, nobody new comes in while the rest says
            goodbye.
    """

    def __init__(
        self, options: Options, reactor: Any, parts: Iterable[IService]
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._options = options
        self._reactor = reactor
        for part in parts:
            part.setServiceParent(self)

    def setServiceParent(self, parent: Any) -> None:
        """Join the application, and bring the log along.

        twistd asks its application for an observer when it begins to log, which is
        right after this.
        """
        if isinstance(parent, Componentized):
            self._bring_log(parent)
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]

    def privilegedStartService(self) -> None:
        """Start what needs privileges; nothing starts before this."""
        _log.info(
            "Raydel {version} starts, process {process}",
            version=__version__,
            process=os.getpid(),
        )
        if file := self._options.config.store:
            _log.info("sessions and takes are kept in {file}", file=str(file))
        else:
            _log.info("sessions and takes are in memory: the end forgets them")
        super().privilegedStartService()  # type: ignore[no-untyped-call]

    def startService(self) -> None:
        """Start all parts.

        Raises:
            Unservable: There is no using the store, which was well a moment ago.
        """
        try:
            super().startService()  # type: ignore[no-untyped-call]
        except StoreTrouble as trouble:
            raise unservable(str(trouble)) from None

    def stopService(self) -> Deferred[None]:
        """Stop all parts.

        Returns:
            Fires when they have stopped, or have had `LAST_WORDS` to do so.
        """
        _log.info("Raydel stops: phones are told to come back")
        stopped = super().stopService()  # type: ignore[no-untyped-call]
        enough: Deferred[None] = deferLater(self._reactor, LAST_WORDS)
        first = DeferredList([stopped, enough], fireOnOneCallback=True)
        return first.addCallback(self._ended)

    def _ended(self, first: Any) -> None:
        _, which = first
        if which == 0:
            return
        _log.warn("some connections did not end within {limit} s", limit=LAST_WORDS)

    def _bring_log(self, application: Componentized) -> None:
        twistd: Mapping[str, Any] = self._options.parent or {}
        out = destination(twistd)
        if out is None:
            return
        log = LineObserver(out, self._options.config.log_format)
        application.setComponent(ILogObserver, log)
        if isinstance(out, LogFile) and hasattr(signal, "SIGUSR1"):
            # twistd's own promise for the files it writes.
            signal.signal(
                signal.SIGUSR1,
                lambda *_: self._reactor.callFromThread(out.rotate),
            )


class OpenCalls(Service):
    """Lets the REST calls that are open finish before the program ends.

    Args:
        finish: Fires once there are none.
    """

    def __init__(self, finish: Callable[[], Deferred[None]]) -> None:
        self._finish = finish

    def stopService(self) -> Deferred[None]:
        """Wait for them."""
        super().stopService()  # type: ignore[no-untyped-call]
        return self._finish()
