"""Fakes of our interfaces, and connections without a network, for tests.

Nothing here needs a reactor. The fakes implement the interfaces of
`raydel.interfaces` and write down what is done to them; the rest puts clients
of several kinds on the other end of a site, and moves bytes when it is told to:

    site = make_site(FakeSessions(), FakeTimebase(clock), Config(), clock)
    agent = SiteAgent(site, clock)
    response = self.successResultOf(agent.request(b"GET", b"http://here/health"))
"""

from raydel.testing.fakes import (
    EPOCH,
    FakeConnection,
    FakeSessions,
    FakeTimebase,
    FakeTransport,
)
from raydel.testing.lines import (
    HERE,
    THERE,
    ByteClient,
    ByteLine,
    Line,
    PhoneClient,
    SiteAgent,
    SlowTransport,
    dial,
    frame,
    frames,
    handshake,
)

__all__ = [
    "EPOCH",
    "HERE",
    "THERE",
    "ByteClient",
    "ByteLine",
    "FakeConnection",
    "FakeSessions",
    "FakeTimebase",
    "FakeTransport",
    "Line",
    "PhoneClient",
    "SiteAgent",
    "SlowTransport",
    "dial",
    "frame",
    "frames",
    "handshake",
]
