"""What a phone asked, under which ids, and which of it was answered.

An error names the command that it answers. A start and a stop go to everybody, so they
name none: they say who asked for them, and come in the order of the questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from tests.integration.wire import Message
from tests.promises import PhoneStory

START: Final = "start_recording"
STOP: Final = "stop_recording"

_REFUSES: Final = {
    "recording_in_progress": START,
    "degraded": START,
    "no_recording": STOP,
}
"""What a refusal with this code can be the answer to."""


class Commands:
    """The commands of one phone; what is open stands in its story.

    Attributes:
        device_id: The phone's, once it knows it.
    """

    def __init__(self, tale: PhoneStory) -> None:
        self.device_id = ""
        self._tale = tale
        self._asked: dict[str, Message] = {}
        self._answered: set[tuple[str, str]] = set()

    def new(self, kind: str) -> Message:
        """Note a tap, and return what to send for it."""
        name = uuid4().hex
        self._asked[name] = {"type": kind, "commandId": name}
        asked = self._tale.starts_asked if kind == START else self._tale.stops_asked
        asked.append(name)
        self._tale.unanswered.append(name)
        return self._asked[name]

    def open(self, *kinds: str) -> Sequence[Message]:
        """Return what was not answered yet, of these kinds or of all, oldest first."""
        found = [self._asked[name] for name in self._tale.unanswered]
        return [each for each in found if not kinds or each["type"] in kinds]

    def joined(self, device_id: str) -> None:
        """Begin on a new link.

        Where a server died that could store nothing, a take may have to be stopped
        again, and that is answered again.
        """
        self.device_id = device_id
        self._answered = {each for each in self._answered if each[0] == START}

    def heard(self, message: Message) -> None:
        """Take a start or a stop, which may be the answer to one of ours.

        A start whose take has ended is answered with that end: where it was stopped
        before the start had left, and where the start is sent again, by a copy of
        the stop that has no number.
        """
        kind, take_id = message["type"], message["takeId"]
        if message["initiator"] == self.device_id:
            self._answer(kind, take_id)
        began = any(told.take_id == take_id for told in self._tale.started)
        if kind == STOP and ("seq" not in message or not began):
            self._answer(START, take_id)

    def refused(self, error: Message) -> bool:
        """Take a refusal; tell whether it can be the answer to a tap of ours.

        Who is to try again later is still waiting for an answer.
        """
        name = error.get("commandId", "")
        asked = self._asked.get(name)
        if asked is None or asked["type"] != _REFUSES.get(error["code"]):
            return False
        if not error.get("temporary") and name in self._tale.unanswered:
            self._tale.unanswered.remove(name)
        return True

    def _answer(self, kind: str, take_id: str) -> None:
        found = self.open(kind)
        if not found or (kind, take_id) in self._answered:
            return
        self._tale.unanswered.remove(found[0]["commandId"])
        if take_id:
            self._answered.add((kind, take_id))
