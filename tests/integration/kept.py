"""What the server keeps for each of many phones on real sockets: a program.

    python -m tests.integration.kept unjoined

Prints the bytes for one that are allocated by Python, of the server, Autobahn and
Twisted, the transport included. The phones are in the same process; what they keep is
left out, as all that is allocated in this file.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from _socket import AF_INET, SOCK_STREAM, socket
from gc import collect
from typing import Any, Final

from twisted.internet import reactor as real_reactor
from twisted.internet.task import Clock
from twisted.logger import LogPublisher, globalLogBeginner

from raydel.bench.wire import Mask, message
from raydel.core.config import Config
from raydel.service import SessionService
from raydel.store.memory import MemoryStore
from raydel.testing import FakeTimebase, handshake
from raydel.web.site import make_site

CROWD: Final = 300
"""Phones that are weighed."""

BEFORE: Final = 20
"""Phones that come first, for what is made once."""

REST: Final = 0.2
"""Seconds in which the server does what it has begun."""

reactor: Any = real_reactor


class Hall:
    """The server, and phones that do nothing but come, and may join."""

    def __init__(self, *, join: bool) -> None:
        timebase = FakeTimebase(Clock())
        self.service = SessionService(Config(), MemoryStore(), timebase, reactor)
        self.service.startService()
        site = make_site(self.service, timebase, Config(), reactor)
        port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self._address = ("127.0.0.1", port.getHost().port)
        self._phones: list[socket] = []
        self._mask = Mask()
        self._join = join

    def come(self, count: int) -> None:
        """Have so many phones come, and wait until all is quiet."""
        for number in range(len(self._phones), len(self._phones) + count):
            phone = socket(AF_INET, SOCK_STREAM)
            phone.connect(self._address)
            phone.send(handshake())
            if self._join:
                phone.send(self._joining(number))
            self._phones.append(phone)
            reactor.iterate(0)
        end = time.monotonic() + REST
        while time.monotonic() < end:
            reactor.iterate(0.01)

    def _joining(self, number: int) -> bytes:
        code, is_host = f"AAA{number // 2:03}", number % 2 == 0
        fields = {"sessionId": code, "isHost": is_host, "protocol": 2}
        return self._mask.frame(message("join", deviceName="A", **fields))


def allocated() -> int:
    """Return all bytes that are allocated, but for those of this file."""
    collect()
    hidden = [
        tracemalloc.Filter(False, name) for name in (__file__, tracemalloc.__file__)
    ]
    traces = tracemalloc.take_snapshot().filter_traces(hidden).traces
    return sum(trace.size for trace in traces)


def main() -> None:
    """Weigh, and print what comes of it."""
    # Twisted would keep the lines of its log for whoever begins to listen.
    globalLogBeginner.beginLoggingTo([LogPublisher()], redirectStandardIO=False)
    hall = Hall(join=sys.argv[1] == "joined")
    hall.come(BEFORE)
    tracemalloc.start()
    before = allocated()
    hall.come(CROWD)
    kept = allocated() - before
    # Were they not there, nothing would have been weighed.
    if hall.service.connection_count != BEFORE + CROWD:
        raise SystemExit("not all phones have come")
    sys.stdout.write(f"{kept // CROWD}\n")


if __name__ == "__main__":
    main()
