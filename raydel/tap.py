"""What the running program is made of: the one place where all parts meet.

twistd imports this before a reactor is chosen. What imports the reactor itself is
imported inside `makeService`, therefore.
"""

from __future__ import annotations

from twisted.application.service import IService

from raydel.endpoints import PortService, resolve
from raydel.options import Options
from raydel.program import OpenCalls, Program, settle
from raydel.service import SessionService
from raydel.store.memory import MemoryStore
from raydel.timebase import MonotonicTimebase

__all__ = ["Options", "makeService"]


def makeService(options: Options) -> IService:
    """Put the program together.

    Args:
        options: What the operator chose.

    Raises:
        SystemExit: A port description means nothing; the sentence says why.
    """
    from twisted.internet import reactor

    from raydel.web.site import make_site

    settle(reactor)
    config = options.config
    timebase = MonotonicTimebase()
    sessions = SessionService(
        config=config, store=MemoryStore(), timebase=timebase, clock=reactor
    )
    site = make_site(sessions, timebase, config, reactor)
    ports = [
        PortService(description, resolve(description, reactor), site)
        for description in config.ports
    ]
    return Program(options, reactor, [sessions, OpenCalls(site.finish), *ports])
