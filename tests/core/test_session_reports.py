"""What is said of takes: reports of devices, markers, operators, and the journal."""

from __future__ import annotations

from typing import ClassVar

from msgspec import UNSET, UnsetType, structs
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.effects import Enlisted, Tell
from raydel.core.events import Command, MarkRequested, Reported
from raydel.core.instants import fine
from raydel.core.journal import SERVER, Confirmed, Fact, LinkBack, LinkLost, Marked
from raydel.core.messages import (
    Error,
    Joined,
    MarkerNotice,
    RecordingFailed,
    RecordingRefused,
    RecordingScheduled,
    RecordingStarted,
    RecordingStopped,
    Report,
    StartRecording,
    StopRecording,
    TakeUpdate,
)
from raydel.core.session import (
    EARLY_CLOCK,
    MOST_MARKERS,
    MOST_REPORTS,
    MOST_SPEAKERS,
)
from raydel.core.take import MOST_PARTICIPANTS, MOST_PAST_TAKES, Declared
from raydel.core.turn import MOST_GAPS
from tests.core.steps import CODE, NOON, Stage, joining

NEW = App.PROTOCOL_2


class Case(SynchronousTestCase):
    """A host and a guest that speak protocol 2."""

    def setUp(self) -> None:
        """Seat them."""
        self.stage = Stage()
        self.stage.both_join(NEW, NEW)

    def reports(self, peer: str, report: Report) -> None:
        """Let a device report."""
        self.stage.do(Reported(peer, report))

    def facts(self, about: str = "host-id") -> list[Fact]:
        """Return what the last verb added to the journal about a device."""
        lines = self.stage.journal
        return [line.fact for line in lines if line.device_id == about]


class Reports(Case):
    """What a device reports is kept as it said it, and told to everybody."""

    ALL: ClassVar[dict[Report, tuple[str, str | UnsetType]]] = {
        RecordingScheduled("take"): ("scheduled", UNSET),
        RecordingRefused("take", "no room"): ("refused", "no room"),
        RecordingStarted("take", 1234.5, 60.0): ("started", UNSET),
        RecordingStopped("take", 9876.5, 518, "a.mp4"): ("stopped", UNSET),
        RecordingFailed("take", "camera in use"): ("failed", "camera in use"),
    }

    def test_kept_and_told(self) -> None:
        """Each report is a line of the journal, and an update for both."""
        for report, (state, reason) in self.ALL.items():
            with self.subTest(state=state):
                self.setUp()
                self.stage.starts()
                self.reports("guest", report)
                self.assertEqual([report], self.facts("guest-id"))
                self.assertEqual("take", self.stage.journal[0].take_id)
                self.assertEqual(NOON, self.stage.journal[0].at)
                for peer in ("host", "guest"):
                    update = self.stage.heard(peer, TakeUpdate)
                    expected = TakeUpdate("take", "guest-id", state, reason)
                    self.assertEqual(expected, structs.replace(update, seq=UNSET))

    def test_no_released_app_hears_of_it(self) -> None:
        """A released app is told nothing that it does not know."""
        stage = Stage()
        stage.both_join(App.LIBRARY_2, NEW)
        stage.starts()
        stage.do(Reported("guest", RecordingScheduled("take")))
        self.assertEqual([], stage.told("host"))
        self.assertEqual(["TakeUpdate"], stage.kinds("guest"))

    def test_after_the_end(self) -> None:
        """The file is there after the stop, and is reported then."""
        self.stage.starts()
        self.stage.stops()
        self.reports("host", RecordingStopped("take", 5.0))
        self.assertEqual([RecordingStopped("take", 5.0)], self.facts())
        self.stage.starts(take_id="next")
        self.reports("guest", RecordingStopped("take", 6.0))
        self.assertEqual([RecordingStopped("take", 6.0)], self.facts("guest-id"))

    def test_long_after_the_end(self) -> None:
        """Of so many takes it is heard, and of none that came before them."""
        for number in range(MOST_PAST_TAKES + 1):
            self.stage.starts(take_id=f"take-{number}")
            self.stage.stops()
        self.reports("host", RecordingStopped("take-0", 5.0))
        self.assertEqual("take_not_found", self.stage.error("host"))
        self.reports("host", RecordingStopped("take-1", 5.0))
        self.assertEqual(1, len(self.stage.journal))

    def test_of_no_take(self) -> None:
        """Who reports on a take that it has no part in is told so; nothing is kept."""
        for take_id in ("other", "take"):
            self.reports("host", RecordingStarted(take_id, 5.0))
            answer = self.stage.heard("host", Error)
            self.assertEqual(("take_not_found", take_id), (answer.code, answer.take_id))
            self.assertEqual([], self.stage.journal)

    def test_without_a_seat(self) -> None:
        """A stranger reports nothing."""
        self.stage.starts()
        self.reports("stranger", RecordingStarted("take", 5.0))
        self.assertEqual("not_joined", self.stage.error("stranger"))
        stage = Stage()
        stage.do(Reported("stranger", RecordingStarted("take", 5.0)))
        self.assertEqual("not_joined", stage.error("stranger"))

    def test_sent_again(self) -> None:
        """One command id, one line, and the same answer."""
        self.stage.starts()
        report = RecordingStarted("take", 5.0, command_id="one")
        self.reports("host", report)
        first = self.stage.heard("host", TakeUpdate)
        self.reports("host", report)
        (effect,) = self.stage.effects
        self.assertEqual(Tell("host", structs.replace(first, seq=UNSET)), effect)
        self.assertEqual([], self.stage.journal)

    def test_too_much(self) -> None:
        """So much is kept of a device in a take, and a new take begins anew."""
        self.stage.starts()
        for _ in range(MOST_REPORTS):
            self.reports("host", RecordingScheduled("take"))
            self.assertEqual(1, len(self.stage.journal))
        self.reports("host", RecordingScheduled("take"))
        self.assertEqual("journal_full", self.stage.error("host"))
        self.assertEqual([], self.stage.journal)
        self.reports("guest", RecordingScheduled("take"))
        self.assertEqual(1, len(self.stage.journal))
        self.stage.stops()
        self.stage.starts(take_id="next")
        self.reports("host", RecordingScheduled("next"))
        self.assertEqual(1, len(self.stage.journal))

    def test_markers_leave_room(self) -> None:
        """However many markers there are, reports are heard, and an operator's too."""
        self.stage.starts()
        for _ in range(MOST_MARKERS):
            self.stage.do(MarkRequested("guest"))
        self.assertEqual(1, len(self.stage.journal))
        self.stage.do(MarkRequested("guest"))
        self.assertEqual("journal_full", self.stage.error("guest"))
        for event in (
            Reported("guest", RecordingScheduled("take")),
            MarkRequested("host"),
            MarkRequested("desk", by_operator=True),
        ):
            self.stage.do(event)
            self.assertEqual(1, len(self.stage.journal))

    def test_so_many_devices(self) -> None:
        """A guest that comes as another each time fills nothing."""
        self.stage.starts()
        self.stage.leaves("guest")
        for number in range(2 * MOST_PARTICIPANTS):
            peer = f"guest-{number}"
            self.stage.guest_joins(peer, name=peer, app=NEW)
            self.stage.do(MarkRequested(peer))
            self.reports(peer, RecordingStarted("take", 5.0))
            self.stage.leaves(peer)
        self.assertEqual(MOST_SPEAKERS, len(self.stage.session.said))
        self.assertLessEqual(len(self.stage.take.participants), MOST_PARTICIPANTS)

    def test_so_many_participants(self) -> None:
        """One too many has no part in the take."""
        self.stage.starts()
        many = (self.stage.take.participants * MOST_PARTICIPANTS)[:MOST_PARTICIPANTS]
        take = structs.replace(self.stage.take, participants=many)
        self.stage.value = structs.replace(self.stage.session, take=take)
        self.stage.leaves("guest")
        self.stage.guest_joins("other", name="Else", app=NEW)
        self.reports("other", RecordingStarted("take", 5.0))
        self.assertEqual("take_not_found", self.stage.error("other"))


class Late(SynchronousTestCase):
    """A device that comes in mid-take may begin to record by itself."""

    def setUp(self) -> None:
        """Start with the host alone; the guest comes late."""
        self.stage = Stage()
        self.stage.host_joins(app=NEW)
        self.stage.starts()
        self.stage.guest_joins(app=NEW)

    def test_it_takes_part(self) -> None:
        """It is a participant from its first report on, and no absentee."""
        self.stage.do(Reported("guest", RecordingStarted("take", 5.0)))
        late = self.stage.take.participant("guest-id")
        assert late is not None
        self.assertTrue(late.late)
        self.assertTrue(late.start_proven)
        self.assertEqual((), self.stage.take.absent)
        self.assertEqual(self.stage.take, self.stage.takes["take"])
        (enlisted,) = self.stage.addressed(Enlisted)
        self.assertEqual(Enlisted("guest", "take"), enlisted)

    def test_once(self) -> None:
        """Further reports of it change nothing but the journal."""
        self.stage.do(Reported("guest", RecordingScheduled("take")))
        self.stage.do(Reported("guest", RecordingStarted("take", 5.0)))
        self.assertEqual([], self.stage.addressed(Enlisted))
        self.assertEqual(2, len(self.stage.take.participants))

    def test_it_is_owed_the_stop(self) -> None:
        """Who records is told when to stop."""
        self.stage.do(Reported("guest", RecordingScheduled("take")))
        self.stage.loses("guest")
        self.stage.stops()
        owed = {debt.owner.device_id for debt in self.stage.session.debts}
        self.assertEqual({"host-id", "guest-id"}, owed)

    def test_refusing_is_no_part(self) -> None:
        """Who will not record, or has no file, does not become a participant."""
        for report in (RecordingRefused("take"), RecordingFailed("take")):
            self.stage.do(Reported("guest", report))
            self.assertEqual("take_not_found", self.stage.error("guest"))
            self.assertEqual(1, len(self.stage.take.participants))

    def test_after_the_end(self) -> None:
        """Nobody begins to record a take that is over."""
        self.stage.stops()
        self.stage.do(Reported("guest", RecordingStarted("take", 5.0)))
        self.assertEqual("take_not_found", self.stage.error("guest"))


class Markers(Case):
    """An instant of the take that somebody marks."""

    def test_now(self) -> None:
        """Without a time it is the present; everybody is told."""
        self.stage.starts()
        self.stage.passes(1_000)
        self.stage.do(MarkRequested("guest", "smash"))
        now = NOON + 1_000
        self.assertEqual([Marked(now, "smash")], self.facts("guest-id"))
        for peer in ("host", "guest"):
            notice = self.stage.heard(peer, MarkerNotice)
            expected = MarkerNotice("take", "guest-id", now, "smash")
            self.assertEqual(expected, structs.replace(notice, seq=UNSET))

    def test_at_an_instant(self) -> None:
        """From the start command on, until a little after now: clocks differ."""
        self.stage.starts()
        self.stage.passes(5_000)
        for instant in (NOON, NOON + 4_000, self.stage.now + EARLY_CLOCK):
            self.stage.do(MarkRequested("host", instant=instant))
            self.assertEqual([Marked(instant)], self.facts())

    def test_when_it_was_told(self) -> None:
        """The instant that a phone was told its start was accepted at is within."""
        self.stage.now += 0.00049
        self.stage.starts()
        accepted = fine(self.stage.take.accepted_at)
        self.assertLess(accepted, self.stage.take.accepted_at)
        self.stage.do(MarkRequested("host", instant=accepted))
        self.assertEqual([Marked(accepted)], self.facts())

    def test_outside(self) -> None:
        """What is not within the take is refused, and it is said why."""
        self.stage.starts()
        for instant in (0.0, NOON - 1, NOON + EARLY_CLOCK + 1):
            self.stage.do(MarkRequested("host", instant=instant))
            answer = self.stage.heard("host", Error)
            self.assertEqual("invalid_message", answer.code)
            self.assertIn("not within the take", str(answer.detail))
            self.assertEqual([], self.stage.journal)

    def test_without_a_take(self) -> None:
        """There is nothing to mark."""
        self.stage.do(MarkRequested("host"))
        self.assertEqual("no_recording", self.stage.error("host"))

    def test_without_a_seat(self) -> None:
        """A stranger marks nothing, whether a take runs or not."""
        self.stage.do(MarkRequested("stranger"))
        self.assertEqual("not_joined", self.stage.error("stranger"))
        self.stage.starts()
        self.stage.do(MarkRequested("stranger"))
        self.assertEqual("not_joined", self.stage.error("stranger"))

    def test_sent_again(self) -> None:
        """One command id, one marker."""
        self.stage.starts()
        for expected in (1, 0):
            self.stage.do(MarkRequested("host", "out", command_id="one"))
            self.assertEqual(expected, len(self.stage.journal))
            self.assertEqual("out", self.stage.heard("host", MarkerNotice).label)


class Operator(Case):
    """An operator starts, stops and marks without a phone."""

    def test_a_take(self) -> None:
        """It is a take like any other; the operator is told what all are told."""
        self.stage.starts("desk", lead=300.0, by_operator=True)
        for peer in ("host", "guest", "desk"):
            start = self.stage.heard(peer, StartRecording)
            self.assertEqual(("take", SERVER), (start.take_id, start.initiator))
            self.assertEqual(NOON + 300.0, start.atomic_start_time)
        self.stage.passes(2_000)
        self.stage.do(MarkRequested("desk", "set", by_operator=True))
        self.assertEqual([Marked(self.stage.now, "set")], self.facts(SERVER))
        self.assertEqual("set", self.stage.heard("desk", MarkerNotice).label)
        self.assertEqual("set", self.stage.heard("host", MarkerNotice).label)
        self.stage.stops("desk", by_operator=True)
        for peer in ("host", "guest", "desk"):
            stop = self.stage.heard(peer, StopRecording)
            self.assertEqual(("command", SERVER), (stop.reason, stop.initiator))
        self.assertEqual(SERVER, self.stage.takes["take"].ended_by)

    def test_a_take_runs(self) -> None:
        """A second start is refused, and names the take."""
        self.stage.starts()
        self.stage.starts("desk", "other", by_operator=True)
        answer = self.stage.heard("desk", Error)
        self.assertEqual("recording_in_progress", answer.code)
        self.assertEqual("take", answer.take_id)

    def test_another_take_was_meant(self) -> None:
        """A stop for a take that does not run ends no other."""
        self.stage.starts()
        self.stage.stops("desk", take_id="other", by_operator=True)
        self.assertEqual("no_recording", self.stage.error("desk"))
        self.assertEqual("take", self.stage.take.id)

    def test_nothing_runs(self) -> None:
        """There is nothing to stop, or to mark."""
        self.stage.stops("desk", by_operator=True)
        self.assertEqual("no_recording", self.stage.error("desk"))
        self.stage.do(MarkRequested("desk", by_operator=True))
        self.assertEqual("no_recording", self.stage.error("desk"))

    def test_nobody_is_there(self) -> None:
        """A take of nobody does not begin."""
        self.stage.loses("host")
        self.stage.loses("guest")
        self.stage.starts("desk", by_operator=True)
        self.assertEqual("nobody_connected", self.stage.error("desk"))
        self.assertIsNone(self.stage.session.take)

    def test_no_session(self) -> None:
        """Where there is none, an operator is told that, not to join it."""
        stage = Stage()
        for verb in (stage.starts, stage.stops):
            verb("desk", by_operator=True)
            self.assertEqual("session_not_found", stage.error("desk"))
        stage.do(MarkRequested("desk", by_operator=True))
        self.assertEqual("session_not_found", stage.error("desk"))


class Journal(Case):
    """What is noted of a take while it runs."""

    def test_proofs(self) -> None:
        """The arrival of each command is noted once."""
        self.stage.starts()
        self.stage.passes(40)
        start, stop = Confirmed("start"), Confirmed("stop")
        receipts = list(self.stage.receipts)
        self.stage.proves("host", Command.START)
        self.assertEqual([start], self.facts())
        self.assertEqual(NOON + 40, self.stage.journal[0].at)
        self.stage.receipts = receipts
        self.stage.proves("host", Command.START)
        self.assertEqual([], self.facts())
        self.stage.stops()
        self.stage.proves("host", Command.STOP)
        self.assertEqual([stop], self.facts())

    def test_the_next_start_proves_the_stop(self) -> None:
        """Which take's stop it was, the line says."""
        self.stage.starts()
        self.stage.stops()
        self.stage.starts(take_id="next")
        self.stage.receipts = self.stage.receipts[-2:]
        self.stage.proves("host", Command.START)
        lines = [(line.take_id, line.fact) for line in self.stage.journal]
        self.assertIn(("take", Confirmed("stop")), lines)
        self.assertIn(("next", Confirmed("start")), lines)

    def test_a_lost_link(self) -> None:
        """When it was lost, and when it was back."""
        self.stage.starts()
        self.stage.loses("host")
        self.assertEqual([LinkLost("lost")], self.facts())
        self.stage.host_joins("again", app=NEW, resume="host-token")
        self.assertEqual([LinkBack()], self.facts())

    def test_a_silent_phone(self) -> None:
        """Silence is a gap too."""
        self.stage.starts()
        self.stage.goes_silent("guest")
        self.assertEqual([LinkLost("silent")], self.facts("guest-id"))
        self.stage.loses("guest")
        self.assertEqual([], self.facts("guest-id"))

    def test_a_displaced_phone(self) -> None:
        """Who loses its seat to another is lost to the take."""
        self.stage = Stage()
        self.stage.both_join(NEW, App.LIBRARY_2)
        self.stage.starts()
        self.stage.loses("guest")
        self.stage.guest_joins("other", name="Else")
        self.assertEqual([], self.facts("guest-id"))
        self.stage = Stage()
        self.stage.both_join(NEW, App.LIBRARY_2)
        self.stage.starts()
        self.stage.guest_joins("other", name="Else")
        self.stage.passes(2_000)
        gone = [line for line in self.stage.lines if line.device_id == "guest-id"]
        self.assertEqual([LinkLost("replaced")], [line.fact for line in gone])

    def test_a_link_that_flaps(self) -> None:
        """So often is noted, and no more; the next take begins anew."""
        self.stage.starts()
        for _ in range(MOST_GAPS):
            self.stage.goes_silent("guest")
            self.stage.is_heard("guest")
        self.assertEqual(MOST_GAPS, len(self.stage.lines))
        self.stage.stops()
        self.stage.starts(take_id="next")
        self.stage.goes_silent("guest")
        self.assertEqual([LinkLost("silent")], self.facts("guest-id"))

    def test_a_restart(self) -> None:
        """All links are gone with the server."""
        self.stage.starts()
        self.stage.restarts()
        self.assertEqual([LinkLost("lost")], self.facts("host-id"))
        self.assertEqual([LinkLost("lost")], self.facts("guest-id"))

    def test_between_takes(self) -> None:
        """Who comes and goes while nothing is recorded is noted nowhere."""
        self.stage.loses("guest")
        self.stage.guest_joins("again", app=NEW, resume="guest-token")
        self.assertEqual([], self.stage.journal)
        self.stage.starts()
        self.assertEqual([], self.stage.journal)
        self.stage.stops()
        self.assertEqual([], self.stage.journal)


class Declaring(SynchronousTestCase):
    """What a device says of itself goes with it into its takes."""

    def test_in_the_take(self) -> None:
        """Model, installation and abilities stand in the take."""
        stage = Stage()
        event = joining("host", host=True, app=NEW)
        join = structs.replace(
            event.join,
            model="Pixel 9",
            installation_id="install-1",
            capabilities=("report",),
        )
        stage.do(structs.replace(event, join=join))
        self.assertEqual(CODE, stage.heard("host", Joined).session_id)
        stage.starts()
        declared = Declared(2, "Pixel 9", "install-1", ("report",))
        self.assertEqual(declared, stage.take.participants[0].declared)
