"""A client of protocol 2, for programs that play a phone or are one.

`connect` takes a seat, and gives back a `Phone`. All below it is made of a core that
knows no network, in `raydel.client.machine`.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from raydel.client.addresses import NoAddress, address
from raydel.client.cameras import Camera, Footage
from raydel.client.clock import now, steady
from raydel.client.discovery import Found, NoDiscovery, discover
from raydel.client.links import Way
from raydel.client.machine import CAPABILITIES, Client
from raydel.client.memory import Memory, Unreadable
from raydel.client.phone import Phone, Refused, SessionOver, TakeMissed
from raydel.client.takes import Take
from raydel.client.trust import Untrusted, trust
from raydel.core.config import StartPolicy
from raydel.core.messages import Join, Outbound

__all__ = [
    "Camera",
    "Footage",
    "Found",
    "NoAddress",
    "NoDiscovery",
    "Phone",
    "Refused",
    "SessionOver",
    "Take",
    "TakeMissed",
    "Unreadable",
    "Untrusted",
    "connect",
    "discover",
    "now",
]


def connect(
    url: str,
    code: str,
    *,
    is_host: bool = False,
    name: str | None = None,
    camera: Camera | None = None,
    memory: str | Path | None = None,
    model: str | None = None,
    installation_id: str | None = None,
    start_policy: StartPolicy | None = None,
    ca: str | Path | None = None,
    fingerprint: str | None = None,
    on_message: Callable[[Outbound], object] | None = None,
    reactor: Any = None,
) -> Deferred[Phone]:
    """Take a seat in a session, and keep it, whatever happens to the link.

    A guest waits for its host, and everybody for the server: cancel the Deferred, or
    give it a timeout, to wait no longer.

    Args:
        url: Of the server, ``ws://`` or ``wss://``; ``http://``, and a
            bare ``192.168.1.20:3001``, will do.
        code: Of the session: six letters or digits.
        is_host: Whether to make the session; a guest finds it.
        name: What people call the phone.
        camera: Records; without one the phone only taps and listens.
        memory: A file in which is kept what the phone has to know if its program is
            killed: with it, it comes back as the same phone, and goes on.
        model: What its maker calls it.
        installation_id: The app's own name for this installation.
        start_policy: A host's: ``best-effort`` or ``strict``.
        ca: For ``wss://``: a PEM file of those to trust, instead of the system's.
        fingerprint: For ``wss://``: ``sha256:`` and the digits of the one certificate
            to take.
        on_message: Called with each message of the server, as in
            `raydel.core.messages`; questions for the time are left out.
        reactor: Runs it all; None for Twisted's own.

    Returns:
        Fires with the `Phone` once it has its seat. Fails with `Refused` if the server
        will not have it, with `SessionOver` if nobody there ever will.

    Raises:
        NoAddress: The address is none.
        Untrusted: ``ca`` or ``fingerprint`` make no sense.
        Unreadable: ``memory`` is a file of something else.
    """
    if reactor is None:
        from twisted.internet import reactor  # noqa: PLC0415 - not before it is chosen
    there = address(url)
    if not there.is_secure and not (ca is None and fingerprint is None):
        raise Untrusted("ca= and fingerprint= are for wss://, which this is not")
    security = None
    if there.is_secure:
        security = trust(there.host, ca=ca, fingerprint=fingerprint)
    kept = None if memory is None else Memory(memory, code)
    client = Client(
        Join(
            session_id=code,
            is_host=is_host,
            device_name=name,
            model=model,
            installation_id=installation_id,
            capabilities=() if camera is None else CAPABILITIES,
            start_policy=start_policy,
        ),
        clock=now,
        chance=random.random,
        names=partial(secrets.token_urlsafe, 9),
        refuses=getattr(camera, "refuses", lambda _: ""),
        kept=None if kept is None else kept.recall(),
    )
    steady(reactor)
    phone = Phone(reactor, client, camera, memory=kept, on_message=on_message)
    phone.way = Way(there, security, phone)
    return phone.begin()
