"""What the running program is made of: the one place where all parts meet.

twistd imports this before a reactor is chosen. What imports the reactor itself is
imported inside `makeService`, therefore.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS

from raydel.advertise import Announcer
from raydel.certificates import Certificates, Renewal, source_of
from raydel.core.config import Config
from raydel.core.instants import Anchor
from raydel.endpoints import PortService, resolve
from raydel.interfaces import IStore, ITimebase, StoreTrouble
from raydel.notify import Supervised
from raydel.options import Options
from raydel.postman import Postman
from raydel.program import OpenCalls, Program, as_later, on_hangup, settle
from raydel.receiver import host_of
from raydel.service import SessionService
from raydel.store.memory import MemoryStore
from raydel.store.sqlite import SQLiteStore
from raydel.threads import InThread, on_its_own
from raydel.timebase import BootTimebase, boot_name, fresh_anchor
from raydel.webhooks import Webhooks

__all__ = ["Options", "makeService"]


def makeService(options: Options) -> IService:
    """Put the program together.

    Args:
        options: What the operator chose.

    Raises:
        SystemExit: A port description means nothing, there is no certificate for it,
            or nothing can be kept where it should; the sentence says so.
    """
    from twisted.internet import reactor

    from raydel.web.site import make_site

    settle(reactor)
    config = options.config
    certificates = Certificates(source_of(config))
    endpoints = [resolve(each, reactor, certificates) for each in config.ports]
    in_thread = partial(_in_thread, reactor)
    store = _store(config, in_thread)
    fresh = fresh_anchor(boot_name())
    anchor = as_later(options, lambda: _checked(store, fresh))
    timebase = BootTimebase(anchor)
    sessions = SessionService(
        config=config, store=store, timebase=timebase, clock=reactor
    )
    site = make_site(sessions, timebase, config, reactor, in_thread)
    ports = [
        PortService(description, endpoint, site)
        for description, endpoint in zip(config.ports, endpoints, strict=True)
    ]
    posting = _webhooks(config, store, timebase, reactor)
    calls = OpenCalls(site.finish)
    parts = [sessions, *posting, calls, *ports, Supervised(reactor)]
    if config.advertise:
        parts.append(Announcer(ports, partial(on_its_own, reactor), reactor))
    if certificates.are_used:
        on_hangup(reactor, certificates.reload)
        parts.insert(0, Renewal(certificates, reactor))
    return Program(options, reactor, parts)


def _in_thread(reactor: Any, work: Callable[[], Any]) -> Deferred[Any]:
    """Run something away from the reactor."""
    from twisted.internet.threads import deferToThreadPool

    # Asked for late: a pool that is there before a daemon forks stays behind.
    return deferToThreadPool(reactor, reactor.getThreadPool(), work)


def _store(config: Config, in_thread: InThread) -> IStore:
    """Make the store that was chosen; it is not open yet."""
    if config.store is None:
        return MemoryStore()
    return SQLiteStore(config.store, config.survives, in_thread)


def _webhooks(
    config: Config, store: IStore, timebase: ITimebase, reactor: Any
) -> Iterator[IService]:
    """Make what posts letters, if somebody wants any. HTTPS is verified."""
    if config.webhook is None:
        return
    # Neither pool nor redirects: each letter is a connection of its own.
    agent = Agent(reactor, BrowserLikePolicyForHTTPS())
    postman = Postman(agent, config.webhook, config.webhook_secret, reactor)
    host = host_of(config.webhook)
    yield Webhooks(store, postman.post, host, timebase, reactor)


def _checked(store: IStore, fresh: Anchor) -> Anchor:
    """Return the anchor that a store keeps for the boot: it opens for that, and closes.

    A daemon has a terminal for what is wrong only until it forks, and takes no open
    file along.
    """
    try:
        return store.anchor(fresh)
    except StoreTrouble as trouble:
        raise SystemExit(f"raydel: {trouble}") from None
