"""When a client calls its camera, and what it reports."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, json

from raydel.client.machine import Kept
from raydel.client.recordings import AGAIN, FORGOTTEN, FURTHEST_STOP
from raydel.client.wants import Call, Cut, Later, Spared
from raydel.core.messages import RecordingStopped, TakeUpdate
from raydel.core.waits import silence
from tests.client.parts import (
    OTHER,
    Case,
    joined,
    kinds,
    of,
    running,
    sent,
    start,
    stop,
)


class Starts(Case):
    """From the start command to the camera."""

    def setUp(self) -> None:
        """Have a seat."""
        super().setUp()
        self.join()

    def test_at_the_instant(self) -> None:
        """The camera is called at the agreed instant, and that is promised at once."""
        wants = self.hear(start())
        self.assertEqual(["recording_scheduled"], kinds(wants))
        self.assertEqual([1250.0], [each.at for each in of(Later, wants)])
        (call,) = of(Call, self.carry(wants))
        self.assertEqual(("a", 1250.0), (call.take.id, call.take.starts_at))

    def test_unknown_clock(self) -> None:
        """Without an instant it is now."""
        wants = self.hear(start(local_start_time=UNSET))
        self.assertEqual([1000.0], [each.at for each in of(Later, wants)])

    def test_once(self) -> None:
        """A take is recorded once, however often it is told of."""
        self.record()
        self.assertEqual([], of(Later, self.hear(start())))
        self.finish()
        self.assertEqual([], of(Later, self.hear(start())))

    def test_remembers_many(self) -> None:
        """Also if another take has come between."""
        for take_id in ("a", "b"):
            self.record(take_id)
            self.finish(take_id)
        self.assertEqual([], of(Later, self.hear(start("a"))))

    def test_taken_back(self) -> None:
        """A start that is taken back never begins, whatever the clock says."""
        wants = self.hear(start())
        back = self.hear(stop(reason="not_ready", local_stop_time=9999.0))
        self.assertEqual(1, len(of(Spared, back)))
        self.assertEqual(["recording_failed"], kinds(back))
        self.assertEqual([], self.carry(wants))

    def test_stopped_before_it_began(self) -> None:
        """The same of a stop that lies before the start."""
        wants = self.hear(start())
        self.carry(self.hear(stop(local_stop_time=1100.0)))
        self.assertEqual([], self.carry(wants))
        self.assertIsNone(self.client.take)

    def test_refused(self) -> None:
        """A take that cannot be recorded is refused, with why."""
        self.excuse = "no space left"
        wants = self.hear(start())
        (refused,) = sent(wants)
        expected = ("recording_refused", "no space left")
        self.assertEqual(expected, (refused["type"], refused["reason"]))
        self.assertEqual([], of(Later, wants))

    def test_next_take(self) -> None:
        """A new take ends the one that still runs."""
        self.record("a")
        (cut,) = of(Cut, self.hear(start("b")))
        self.assertEqual("a", cut.take.id)

    def test_records_on(self) -> None:
        """A lost link stops nothing; the stop that was missed does."""
        self.record()
        self.client.lost()
        wants = self.join(take=running("a"))
        self.assertEqual([], of(Cut, wants) + of(Later, wants))
        self.finish()

    def test_elsewhere(self) -> None:
        """A take that runs without this device is recorded if the app wants that."""
        self.assertEqual([], self.join(take=running("x", participant=False))[1:])
        self.assertIsNone(self.client.take)
        wants = self.client.recordings.record_late()
        self.assertEqual(["recording_scheduled"], kinds(wants))
        (call,) = of(Call, self.carry(wants))
        self.assertTrue(call.take.is_late)
        self.assertEqual([], self.client.recordings.record_late())

    def test_elsewhere_is_over(self) -> None:
        """Once it is over, nobody joins it any more."""
        self.join(take=running("x", participant=False))
        self.hear(stop("x"))
        self.assertEqual([], self.client.recordings.record_late())

    def test_wrong_clock(self) -> None:
        """No stop is waited for that is more than ten seconds ahead."""
        self.record()
        for ahead, waits in ((FURTHEST_STOP, FURTHEST_STOP), (FURTHEST_STOP + 1, 0.0)):
            at = self.time + ahead
            (later,) = of(Later, self.hear(stop(local_stop_time=at)))
            self.assertEqual(self.time + waits, later.at)


class Reports(Case):
    """What is reported, and how long."""

    def setUp(self) -> None:
        """Have a seat."""
        super().setUp()
        self.join()

    def again(self) -> list[dict[str, Any]]:
        """Lose the link and be back; return what is said again."""
        self.client.lost()
        return sent(self.join())

    def test_until_answered(self) -> None:
        """Each report is repeated under its name, until the server tells of it."""
        self.record()
        self.client.recordings.first_frame("a", 1550.0004, 30.0)
        self.finish()
        first = self.again()
        names = ["recording_scheduled", "recording_started", "recording_stopped"]
        self.assertEqual(names, [each["type"] for each in first])
        self.assertEqual(1550.0, first[1]["firstFrameTime"])
        self.answer("started")
        self.assertEqual([first[0], first[2]], self.again())
        self.answer("scheduled", device_id=OTHER)
        self.answer("scheduled", take_id="b")
        self.assertEqual([first[0], first[2]], self.again())
        self.answer("scheduled")
        self.answer("stopped")
        self.assertEqual([], self.again())
        self.assertTrue(self.client.is_settled)

    def test_errors_answer_too(self) -> None:
        """A refusal answers the report that it names, and no other."""
        self.record()
        self.client.recordings.first_frame("a", 1550.0)
        scheduled, started = self.again()
        self.refuse("invalid_message")
        self.refuse("journal_full", command_id=scheduled["commandId"])
        self.assertEqual([started], self.again())

    def test_a_take_that_is_gone(self) -> None:
        """Of a take that the server does not know, nothing is reported any more."""
        self.record()
        self.client.recordings.first_frame("a", 1550.0)
        scheduled, _ = self.again()
        self.refuse("take_not_found", command_id=scheduled["commandId"])
        self.assertEqual([], self.again())

    def test_refused_for_now(self) -> None:
        """What may pass is said again a little later, under another name."""
        (first,) = sent(self.hear(start()))
        wants = self.refuse("degraded", temporary=True, command_id=first["commandId"])
        self.assertEqual([], self.again())
        (again,) = sent(self.carry(wants))
        self.assertEqual(1000.0 + AGAIN, self.time)
        self.assertNotEqual(first["commandId"], again["commandId"])

    def test_long_reasons(self) -> None:
        """A reason is cut to what the server takes."""
        (failed,) = sent(self.client.recordings.failed("a", "x" * 300))
        self.assertEqual("x" * 200, failed["reason"])

    def test_nothing_without_a_camera(self) -> None:
        """An app that does not say that it reports, reports nothing."""
        self.client = self.make(capabilities=())
        self.join()
        self.record()
        self.assertEqual([], sent(self.carry(self.hear(stop()))))
        self.assertTrue(self.client.is_settled)


class Others(Case):
    """How other devices fare with a take."""

    def setUp(self) -> None:
        """Have had a take, reported in full."""
        super().setUp()
        self.join()
        self.record()
        self.answer("started", device_id=OTHER)
        self.finish()
        for state in ("scheduled", "stopped"):
            self.answer(state)

    def test_complete(self) -> None:
        """A take is complete once everybody has reported that was heard of."""
        self.assertTrue(self.client.is_settled)
        self.assertFalse(self.client.is_complete)
        for state in ("stopped", "failed", "refused"):
            self.answer("started", device_id=OTHER)
            self.answer(state, device_id=OTHER)
            self.assertTrue(self.client.is_complete, state)

    def test_silence(self) -> None:
        """Who is silent is waited for, until the server waits no longer for a file."""
        for what, complete in (("scheduled", False), ("stopped", True)):
            self.hear(TakeUpdate("a", OTHER, "silent", silence(what)))
            self.assertEqual(complete, self.client.is_complete)

    def test_not_recovered(self) -> None:
        """What may have been missed is not waited for."""
        self.join(recovered=False)
        self.assertTrue(self.client.is_complete)

    def test_recovered(self) -> None:
        """What was not missed, is."""
        self.join(recovered=True)
        self.assertFalse(self.client.is_complete)


class Interrupted(Case):
    """A program that is killed, and started again."""

    def restart(self, **fields: Any) -> list[Any]:
        """Kill it; what was kept has been in a file. Return what a seat leads to."""
        kept = json.decode(json.encode(self.client.kept), type=Kept)
        self.assertEqual(self.client.kept, kept)
        self.client = self.make(kept)
        (join,) = sent(self.client.opened())
        self.assertEqual("t1", join["resumeToken"])
        return self.hear(joined(**{"recovered": True, **fields}))

    def setUp(self) -> None:
        """Have a seat."""
        super().setUp()
        self.join()

    def test_in_a_take_that_runs(self) -> None:
        """It records again, at once, and its camera is called late."""
        self.record()
        wants = self.restart(take=running("a"))
        self.assertEqual(["recording_scheduled"], kinds(wants))  # Not answered yet.
        (call,) = of(Call, self.carry(wants))
        self.assertEqual(("a", True), (call.take.id, call.take.is_late))
        self.finish()

    def test_before_the_start(self) -> None:
        """It keeps the agreed instant."""
        self.hear(start())
        (later,) = of(Later, self.restart(take=running("a")))
        self.assertEqual(1250.0, later.at)

    def test_after_the_end(self) -> None:
        """It says that it has no file, once."""
        self.record()
        self.answer("scheduled")
        (failed,) = sent(self.restart())
        self.assertEqual("recording_failed", failed["type"])
        self.assertEqual([], of(Later, self.hear(stop())))
        self.answer("failed")
        self.assertEqual([], sent(self.restart()))

    def test_while_it_made_its_file(self) -> None:
        """The same, though the take may run still for others."""
        self.record()
        self.answer("scheduled")
        self.carry(self.hear(stop()))
        self.assertEqual(["recording_failed"], kinds(self.restart(take=running("a"))))

    def test_with_unanswered_commands(self) -> None:
        """What it had asked, it asks again under the same name."""
        (first,) = sent(self.client.start())
        self.assertEqual([first], sent(self.restart()))

    def test_without_memory(self) -> None:
        """A take that it was told of, and has forgotten, is recorded late."""
        self.client = self.make()
        wants = self.join(take=running("a"))
        (call,) = of(Call, self.carry(self.carry(wants)))
        self.assertTrue(call.take.is_late)
        self.assertEqual(1000.0 + FORGOTTEN, self.time)

    def test_without_memory_and_told_again(self) -> None:
        """Not if its start follows: that says when."""
        self.client = self.make()
        wants = self.join(take=running("a"))
        self.hear(start())
        self.assertEqual([], self.carry(wants))

    def test_without_memory_and_stopped(self) -> None:
        """Nor if its stop does: then nobody else would end it."""
        self.client = self.make()
        wants = self.join(take=running("a"))
        self.hear(stop())
        self.assertEqual([], self.carry(wants))

    def test_finished_report_is_kept(self) -> None:
        """A file that was reported is reported until that is answered."""
        self.record()
        self.answer("scheduled")
        self.carry(self.hear(stop()))
        report = RecordingStopped("a", 2000.0, file_name="a.mp4")
        first = sent(self.client.recordings.finished(report))
        self.assertEqual(first, sent(self.restart()))
