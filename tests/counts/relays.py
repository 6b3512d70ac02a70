"""Relays, and nothing else: ``python -m tests.counts.relays LANE NUMBER``."""

from __future__ import annotations

import sys
from typing import cast

from twisted.logger import globalLogPublisher

from raydel.core.config import WireLane
from tests.counts.hall import Hall


def main() -> None:
    """Relay so often, with nobody listening to the log."""
    lane, number = cast("WireLane", sys.argv[1]), int(sys.argv[2])
    hall = Hall(lane)
    host, _ = hall.come(2, join=True)
    hall.play(1.0)
    globalLogPublisher._observers = []
    data = host.framed("device_ready")
    for _ in range(number):
        host.read(data)
        hall.clock.advance(0)
        for guest in hall.guests:
            guest.line.server_side.stream.clear()


if __name__ == "__main__":
    main()
