"""What one device is told, in numbers, and kept until it surely has it.

A device that lost its link names the last number it heard, and is told the rest:
in order, complete, and nothing twice. The way of Centrifugo's offsets and of
`Last-Event-ID` in server-sent events.
"""

from __future__ import annotations

from typing import Final, TypeVar

from msgspec import structs

from raydel.core.messages import Numbered
from raydel.core.values import Value

KEPT: Final = 32
"""Messages kept for a device. One that missed more begins anew."""

_Message = TypeVar("_Message", bound=Numbered)


class Stream(Value, frozen=True):
    """What a device is told. Values, like everything in a session.

    Attributes:
        device_id: The device.
        seq: The number of the latest message.
        kept: The latest messages that it is not known to have, with numbers.
    """

    device_id: str
    seq: int = 0
    kept: tuple[Numbered, ...] = ()

    def number(self, message: _Message) -> tuple[Stream, _Message]:
        """Give a message its number, and keep it."""
        numbered = structs.replace(message, seq=self.seq + 1)
        kept = (*self.kept, numbered)[-KEPT:]
        return structs.replace(self, seq=self.seq + 1, kept=kept), numbered

    def since(self, seq: int) -> tuple[Numbered, ...] | None:
        """Return all that was told after a number; None if some of it is gone."""
        missed = self.seq - seq
        if not 0 <= missed <= len(self.kept):
            return None
        return self.kept[len(self.kept) - missed :]

    def until(self, seq: int) -> tuple[Numbered, ...]:
        """Return what is kept up to a number."""
        return self.kept[: max(0, len(self.kept) - (self.seq - seq))]

    def proven(self, seq: int) -> Stream:
        """Keep no longer what is known to have arrived: all up to a number."""
        return structs.replace(self, kept=self.kept[len(self.until(seq)) :])

    def anew(self, last: int | None) -> Stream:
        """Begin anew, past every number that the device can have heard.

        If the message that tells it so gets lost, the number that it names next
        is one of an older stream, and must not be taken for one of this.
        """
        if last is None and not self.seq:
            return self
        return Stream(self.device_id, max(self.seq, last or 0) + 1)
