"""Tells twistd about Raydel; the rest is imported once it is wanted."""

from twisted.application.service import ServiceMaker

raydel = ServiceMaker(
    "Raydel",
    "raydel.tap",
    "A synchronization server for multi-camera sports recording.",
    "raydel",
)
