"""The two policies of a start, as two phones see them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.config import Config
from raydel.core.waits import ANSWER, REPORTS
from tests.phones_in_memory import LIBRARY_2, PROTOCOL_2, Message, Phone
from tests.stage import Stage


class Agreeing(Phone):
    """A phone whose app reports: it says that it will record, or what it is told to.

    Attributes:
        answer: The type of its answer to a start; None for no answer.
    """

    answer: str | None = "recording_scheduled"

    def hear(self, message: Message) -> None:
        """Answer a start at once."""
        super().hear(message)
        if message["type"] == "start_recording" and self.answer is not None:
            self.say(self.answer, takeId=message["takeId"])


class Case(SynchronousTestCase):
    """Two phones whose apps report."""

    def play(
        self, config: Config, delay: float = 10.0, known: float = 0.0, **more: Any
    ) -> None:
        """Bring them together.

        Args:
            config: The settings.
            delay: ms from either to the server.
            known: ms that the host's camera is known to take.
            more: What both join with.
        """
        self.stage = Stage(config)
        book = self.stage.service._cameras
        for cold in (True, False):
            book.learn("host", None, known, cold=cold)
        self.host = Agreeing(self.stage, PROTOCOL_2, host=True, delay=delay)
        self.guest = Agreeing(self.stage, PROTOCOL_2, delay=delay, offset=-40_000.0)
        for phone in (self.host, self.guest):
            role = "host" if phone.is_host else "guest"
            phone.join(capabilities=[REPORTS], installationId=role, **more)
            self.stage.run(3_000)

    @property
    def reason(self) -> str | None:
        """Why the only take has ended."""
        (take,) = self.successResultOf(self.stage.service.takes())
        reason: str | None = take.reason
        return reason

    def states(self, phone: Phone) -> list[str]:
        """Return what a phone was told of how devices fare with the take."""
        return [update["state"] for update in phone.all("take_update")]


STRICT = replace(Config(), start_policy="strict")


class Strict(Case):
    """Everybody, or nobody."""

    def test_all_agree(self) -> None:
        """Both start together, near or far."""
        for delay in (1.0, 10.0, 80.0):
            with self.subTest(delay=delay):
                self.play(STRICT, delay)
                self.host.tap_start()
                self.stage.run(4_000)
                (one,), (other,) = self.host.camera_calls, self.guest.camera_calls
                self.assertLess(abs(one - other), 1.0)
                self.assertIsNone(self.reason)

    def test_one_refuses(self) -> None:
        """No camera is called, and who tapped hears why, all within 3 s."""
        for delay in (1.0, 10.0, 80.0):
            with self.subTest(delay=delay):
                self.play(STRICT, delay)
                self.guest.answer = "recording_refused"
                self.host.tap_start()
                self.stage.run(3_000)
                self.assertEqual([], self.host.camera_calls + self.guest.camera_calls)
                self.assertEqual("not_ready", self.host.last("error")["code"])
                self.assertEqual("not_ready", self.reason)
                for phone in (self.host, self.guest):
                    self.assertIn("refused", self.states(phone))

    def test_one_is_silent(self) -> None:
        """No camera is called where one does not answer in time."""
        for delay in (1.0, 10.0, 80.0):
            with self.subTest(delay=delay):
                self.play(STRICT, delay)
                self.guest.answer = None
                self.host.tap_start()
                self.stage.run(3_000)
                self.assertEqual([], self.host.camera_calls + self.guest.camera_calls)
                self.assertIn("silent", self.states(self.host))

    def test_a_learned_camera(self) -> None:
        """A phone that is called early is taken back in time as well."""
        for latency in (200.0, 700.0, 1_500.0):
            with self.subTest(latency=latency):
                self.play(STRICT, known=latency)
                self.guest.answer = None
                self.host.tap_start()
                self.stage.run(5_000)
                self.assertEqual([], self.host.camera_calls + self.guest.camera_calls)
                self.assertEqual("not_ready", self.reason)

    def test_a_lost_answer(self) -> None:
        """One question without an answer is no reason not to ask a phone."""
        self.play(STRICT)
        answer, missing = self.guest._answer, [True]

        def skip_one(request: Message) -> None:
            if missing.pop() if missing else False:
                return
            answer(request)

        self.guest._answer = skip_one  # type: ignore[method-assign]
        self.host.tap_start()
        self.stage.run(4_000)
        self.assertEqual(
            [1, 1], [len(self.host.camera_calls), len(self.guest.camera_calls)]
        )

    def test_the_next_one(self) -> None:
        """A start that was taken back is in the way of no other."""
        self.play(STRICT)
        self.guest.answer = "recording_refused"
        self.host.tap_start()
        self.stage.run(3_000)
        self.guest.answer = "recording_scheduled"
        self.host.tap_start()
        self.stage.run(3_000)
        self.assertEqual(
            [1, 1], [len(self.host.camera_calls), len(self.guest.camera_calls)]
        )

    def test_a_released_phone(self) -> None:
        """It cannot confirm, so nothing begins; it is named."""
        self.stage = Stage(STRICT)
        host = Agreeing(self.stage, PROTOCOL_2, host=True)
        host.join(capabilities=[REPORTS])
        guest = Phone(self.stage, LIBRARY_2).join()
        self.stage.run(3_000)
        host.tap_start()
        self.stage.run(3_000)
        self.assertIn(guest.name, host.last("error")["detail"])
        self.assertEqual([], guest.camera_calls)


class BestEffort(Case):
    """Whoever can."""

    def test_one_refuses(self) -> None:
        """Both hear of it, and the other records."""
        self.play(Config())
        self.guest.answer = "recording_refused"
        self.host.tap_start()
        self.stage.run(3_000)
        for phone in (self.host, self.guest):
            self.assertIn("refused", self.states(phone))
        self.assertEqual(1, len(self.host.camera_calls))
        self.assertIsNone(self.reason)

    def test_one_is_silent(self) -> None:
        """Both hear of it within 3 s of the tap."""
        self.play(Config())
        self.guest.answer = None
        tapped = self.stage.now
        self.host.tap_start()
        self.stage.run(ANSWER + 500)
        for phone in (self.host, self.guest):
            self.assertIn("silent", self.states(phone))
            self.assertLess(phone.times("take_update")[-1] - tapped, 3_000)

    def test_the_host_wants_all(self) -> None:
        """A host's own wish is stronger than the server's."""
        self.play(Config(), startPolicy="strict")
        self.guest.answer = "recording_refused"
        self.host.tap_start()
        self.stage.run(3_000)
        self.assertEqual("not_ready", self.reason)
