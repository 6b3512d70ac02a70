"""What the running program is made of: the one place where all parts meet.

twistd imports this before a reactor is chosen. What imports the reactor itself is
imported inside `makeService`, therefore.
"""

from __future__ import annotations

from twisted.application.service import IService

from raydel.certificates import Certificates, Renewal, source_of
from raydel.endpoints import PortService, resolve
from raydel.notify import Supervised
from raydel.options import Options
from raydel.program import OpenCalls, Program, on_hangup, settle
from raydel.service import SessionService
from raydel.store.memory import MemoryStore
from raydel.timebase import BootTimebase, boot_name, fresh_anchor

__all__ = ["Options", "makeService"]


def makeService(options: Options) -> IService:
    """Put the program together.

    Args:
        options: What the operator chose.

    Raises:
        SystemExit: A port description means nothing, or there is no certificate for
            it; the sentence says so.
    """
    from twisted.internet import reactor

    from raydel.web.site import make_site

    settle(reactor)
    config = options.config
    store = MemoryStore()
    timebase = BootTimebase(store.anchor(fresh_anchor(boot_name())))
    sessions = SessionService(
        config=config, store=store, timebase=timebase, clock=reactor
    )
    site = make_site(sessions, timebase, config, reactor)
    certificates = Certificates(source_of(config))
    ports = [
        PortService(description, resolve(description, reactor, certificates), site)
        for description in config.ports
    ]
    parts = [sessions, OpenCalls(site.finish), *ports, Supervised(reactor)]
    if certificates.are_used:
        on_hangup(reactor, certificates.reload)
        parts.insert(0, Renewal(certificates, reactor))
    return Program(options, reactor, parts)
