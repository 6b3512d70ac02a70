"""Acknowledgements, the two policies of a start, and how phones fare."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from msgspec import UNSET, structs
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.config import Config
from raydel.core.events import Reported, StartRequested, StatusReported
from raydel.core.instants import SECOND
from raydel.core.journal import SERVER, Unheard
from raydel.core.messages import (
    Condition,
    Doubt,
    Error,
    ReadinessUpdate,
    RecordingFailed,
    RecordingRefused,
    RecordingScheduled,
    RecordingStarted,
    RecordingStopped,
    StartRecording,
    StatusNotice,
    StatusReport,
    StopRecording,
    TakeUpdate,
)
from raydel.core.session import MOST_MARKERS
from raydel.core.state import Phase, phase_of, status_of
from raydel.core.waits import ANSWER, FILE, FIRST_FRAME, REPORTS
from tests.core.steps import NOON, Stage, joining

NEW = App.PROTOCOL_2
SECONDS = SECOND
STRICT = replace(Config(), start_policy="strict")
GRACE = 200.0


def join(stage: Stage, peer: str, *, host: bool, **more: object) -> None:
    """Let a phone join whose app reports."""
    event = joining(peer, host=host, app=NEW, name=peer.title())
    fields = {"capabilities": (REPORTS,), **more}
    stage.do(structs.replace(event, join=structs.replace(event.join, **fields)))


class Case(SynchronousTestCase):
    """A host and a guest whose apps report."""

    config = Config()

    def setUp(self) -> None:
        """Seat them."""
        self.stage = Stage(self.config)
        join(self.stage, "host", host=True)
        join(self.stage, "guest", host=False)

    def starts(
        self, peer: str = "host", *, by_operator: bool = False, **more: Any
    ) -> None:
        """Let a phone ask for a take, with some time for answers."""
        event = StartRequested(
            peer, "take", 250.0, by_operator=by_operator, grace=GRACE, **more
        )
        self.stage.do(event)

    def schedules(self, *peers: str) -> None:
        """Let phones agree to record."""
        for peer in peers:
            self.stage.do(Reported(peer, RecordingScheduled("take")))

    def silent(self, peer: str) -> list[tuple[str, str]]:
        """Return of whom a peer was told that it did not report, and what."""
        told = self.stage.told(peer)
        updates = [message for message in told if isinstance(message, TakeUpdate)]
        return [(u.device_id, str(u.reason)) for u in updates if u.state == "silent"]


class Deadlines(Case):
    """Every wait has an end, and everybody is told."""

    def test_no_answer(self) -> None:
        """Both hear within 3 s of the tap who has not answered."""
        self.starts()
        self.schedules("host")
        self.stage.passes(ANSWER)
        self.assertLess(ANSWER, 3 * SECOND)
        for peer in ("host", "guest"):
            expected = [("guest-id", "no answer to the start")]
            self.assertEqual(expected, self.silent(peer))
        (line,) = self.stage.journal
        self.assertEqual(
            ("guest-id", Unheard("scheduled")), (line.device_id, line.fact)
        )
        self.assertEqual("take", self.stage.take.id)

    def test_no_first_frame(self) -> None:
        """Who agreed has to say that it films."""
        self.starts()
        self.schedules("host", "guest")
        self.stage.do(Reported("host", RecordingStarted("take", 5.0)))
        self.stage.passes(250.0 + FIRST_FRAME)
        self.assertEqual([("guest-id", "no first frame reported")], self.silent("host"))

    def test_no_file(self) -> None:
        """Who was told to stop has to say what it has."""
        self.starts()
        self.schedules("host", "guest")
        self.stage.passes(1_000)
        self.stage.stops()
        self.stage.do(Reported("host", RecordingStopped("take", 5.0)))
        self.stage.passes(FILE)
        self.assertEqual([("guest-id", "no file reported")], self.silent("host"))

    def test_late_but_heard(self) -> None:
        """What comes after its deadline is recorded all the same."""
        self.starts()
        self.stage.passes(ANSWER)
        self.schedules("guest")
        (line,) = self.stage.journal
        self.assertEqual(RecordingScheduled("take"), line.fact)
        self.stage.do(Reported("guest", RecordingStarted("take", 5.0)))
        self.assertEqual("started", self.stage.heard("host", TakeUpdate).state)

    def test_all_is_reported(self) -> None:
        """Who reports in time leaves nothing that is waited for."""
        self.starts()
        self.schedules("host", "guest")
        for peer in ("host", "guest"):
            self.stage.do(Reported(peer, RecordingStarted("take", 5.0)))
        self.assertEqual((), self.stage.session.awaited)
        self.stage.stops()
        self.assertEqual((), self.stage.session.awaited)

    def test_no_more_is_expected(self) -> None:
        """Of who refuses or fails nothing else is waited for."""
        for report in (RecordingRefused("take", "full"), RecordingFailed("take")):
            self.setUp()
            self.starts()
            self.stage.do(Reported("guest", report))
            owing = {each.device_id for each in self.stage.session.awaited}
            self.assertEqual({"host-id"}, owing)
            self.assertEqual("take", self.stage.take.id)
            self.stage.passes(1_000)
            self.stage.stops()
            owing = {each.device_id for each in self.stage.session.awaited}
            self.assertEqual({"host-id"}, owing)

    def test_it_films_after_all(self) -> None:
        """Who failed and began anew owes a file again."""
        self.starts()
        self.stage.do(Reported("guest", RecordingFailed("take")))
        self.stage.do(Reported("guest", RecordingStarted("take", 5.0)))
        self.stage.passes(1_000)
        self.stage.stops()
        owing = {each.device_id for each in self.stage.session.awaited}
        self.assertEqual({"host-id", "guest-id"}, owing)

    def test_the_first_frame_is_an_answer_too(self) -> None:
        """Who films has agreed."""
        self.starts()
        self.stage.do(Reported("guest", RecordingStarted("take", 5.0)))
        owing = {each.device_id for each in self.stage.session.awaited}
        self.assertEqual({"host-id"}, owing)

    def test_a_released_app(self) -> None:
        """Nobody waits for what an app never says."""
        stage = Stage()
        stage.both_join(App.LIBRARY_2, NEW)
        stage.starts()
        self.assertEqual((), stage.session.awaited)
        stage.stops()
        self.assertEqual((), stage.session.awaited)

    def test_the_end_of_the_session(self) -> None:
        """Nobody waits in a session that is over."""
        self.starts()
        self.stage.passes(1_000)
        self.stage.operator_ends()
        self.assertEqual((), self.stage.session.awaited)


class LastWords(Case):
    """A host that leaves right after the stop takes no file's report along."""

    def setUp(self) -> None:
        """Have a take, its end, and its host gone."""
        super().setUp()
        self.starts()
        self.schedules("host", "guest")
        self.stage.passes(1_000)
        self.stage.stops()
        self.stage.do(Reported("host", RecordingStopped("take", 5.0)))
        self.stage.leaves("host")

    def test_the_file_is_reported(self) -> None:
        """The guest has its time, and then the session ends as ever."""
        self.assertEqual(["DeviceDisconnected"], self.stage.kinds("guest"))
        self.stage.do(Reported("guest", RecordingStopped("take", 5.0, None, "a.mp4")))
        (line,) = self.stage.journal
        self.assertEqual("guest-id", line.device_id)
        self.assertEqual(["TakeUpdate", "SessionEnded"], self.stage.kinds("guest"))
        self.assertIs(Phase.ENDED, phase_of(self.stage.value))

    def test_no_file_comes(self) -> None:
        """It does not wait for ever."""
        self.stage.passes(FILE)
        self.assertEqual(["TakeUpdate", "SessionEnded"], self.stage.kinds("guest"))

    def test_the_guest_goes_too(self) -> None:
        """Of who is not there nothing is waited for."""
        self.stage.loses("guest")
        self.stage.passes(FILE)
        self.assertIs(Phase.ENDED, phase_of(self.stage.value))

    def test_the_host_is_back(self) -> None:
        """Then it was no goodbye: the session goes on."""
        join(self.stage, "back", host=True)
        self.stage.do(Reported("guest", RecordingStopped("take", 5.0)))
        self.assertIs(Phase.OPEN, phase_of(self.stage.value))

    def test_a_start_meanwhile(self) -> None:
        """A guest alone may even begin another take."""
        self.stage.starts("guest", "next")
        self.assertIs(Phase.RECORDING, phase_of(self.stage.value))
        self.stage.do(Reported("guest", RecordingStopped("take", 5.0)))
        self.assertIs(Phase.RECORDING, phase_of(self.stage.value))

    def test_who_left_in_the_take(self) -> None:
        """A host that left while the take ran may come back after it, as ever."""
        self.stage = Stage()
        join(self.stage, "host", host=True)
        join(self.stage, "guest", host=False)
        self.starts()
        self.stage.leaves("host")
        self.stage.passes(1_000)
        self.stage.stops("guest")
        self.stage.do(Reported("guest", RecordingStopped("take", 5.0)))
        self.assertIs(Phase.OPEN, phase_of(self.stage.value))


class Strict(Case):
    """A take begins only if everybody has agreed."""

    config = STRICT

    def test_all_agree(self) -> None:
        """It starts a little later than else, when all have agreed."""
        self.starts()
        start = self.stage.heard("guest", StartRecording)
        self.assertEqual(NOON + 250.0 + GRACE, start.atomic_start_time)
        self.schedules("host", "guest")
        self.stage.passes(2_000)
        self.assertTrue(self.stage.take.strict)
        self.assertEqual([], self.stage.told("host"))

    def test_one_refuses(self) -> None:
        """The start is taken back on every phone, before it begins."""
        self.starts()
        self.schedules("host")
        self.stage.do(Reported("guest", RecordingRefused("take", "storage full")))
        for peer in ("host", "guest"):
            stop = self.stage.heard(peer, StopRecording)
            self.assertEqual(("take", "not_ready"), (stop.take_id, stop.reason))
            self.assertEqual(NOON, stop.local_stop_time)
        error = self.stage.heard("host", Error)
        self.assertEqual(("not_ready", "take"), (error.code, error.take_id))
        self.assertEqual("Guest refused: storage full", error.detail)
        ended = self.stage.takes["take"]
        self.assertEqual(("not_ready", SERVER), (ended.reason, ended.ended_by))
        self.assertEqual((), self.stage.session.awaited)

    def test_a_refusal_without_a_reason(self) -> None:
        """Who refuses need not say why."""
        self.starts()
        self.stage.do(Reported("guest", RecordingRefused("take")))
        self.assertEqual("Guest refused", self.stage.heard("host", Error).detail)

    def test_one_is_silent(self) -> None:
        """Who has not agreed in time spoils it, while it can be taken back."""
        self.starts("guest")
        self.schedules("host")
        self.stage.passes(250.0 + GRACE / 2)
        self.assertEqual([("guest-id", "no answer to the start")], self.silent("host"))
        self.assertEqual(
            "no answer from Guest", self.stage.heard("guest", Error).detail
        )
        self.assertEqual("not_ready", self.stage.takes["take"].reason)
        self.assertLess(self.stage.now, self.stage.takes["take"].start_at)

    def test_nobody_answers(self) -> None:
        """All are named."""
        self.starts()
        self.stage.passes(250.0 + GRACE / 2)
        error = self.stage.heard("host", Error)
        self.assertEqual("no answer from Host and Guest", error.detail)

    def test_agreed_is_agreed(self) -> None:
        """Once it has begun, who fails does not end the take of the other."""
        self.starts()
        self.schedules("host", "guest")
        self.stage.passes(250.0 + GRACE)
        for report in (RecordingRefused("take"), RecordingFailed("take", "hot")):
            self.stage.do(Reported("guest", report))
            self.assertEqual("take", self.stage.take.id)
        self.stage.passes(FIRST_FRAME + 1_000)
        self.assertEqual("take", self.stage.take.id)

    def test_second_thoughts(self) -> None:
        """Until it begins, whoever refuses or fails after all spoils it."""
        for report in (RecordingRefused("take", "hot"), RecordingFailed("take", "hot")):
            self.setUp()
            self.starts()
            self.schedules("host", "guest")
            self.stage.do(Reported("guest", report))
            self.assertEqual("not_ready", self.stage.takes["take"].reason)

    def test_an_early_camera(self) -> None:
        """Who is called earlier is taken back earlier, too."""
        self.starts(early=100.0)
        self.schedules("host")
        deadline = self.stage.deadline
        self.assertEqual(NOON + 250.0 + GRACE - 100.0 - GRACE / 2, deadline)

    def test_an_unknown_clock(self) -> None:
        """A phone that could only start on receipt cannot agree to an instant."""
        self.starts(clockless=("guest",))
        expected = "Guest: its clock is not known yet"
        self.assertEqual(expected, self.stage.heard("host", Error).detail)

    def test_for_one_host_only(self) -> None:
        """The policy of a host goes with it."""
        stage = Stage()
        join(stage, "host", host=True, start_policy="strict")
        join(stage, "guest", host=False)
        stage.starts(lead=0.0)
        stage.loses("guest")
        stage.operator_ends()
        stage.host_joins("other", name="Else")
        stage.starts("other", "next")
        self.assertEqual("next", stage.take.id)

    def test_an_operator(self) -> None:
        """An operator's start is taken back as well; there is nobody to tell."""
        self.starts("desk", by_operator=True)
        self.stage.do(Reported("guest", RecordingRefused("take")))
        self.assertEqual("not_ready", self.stage.takes["take"].reason)
        self.assertEqual([], self.stage.told("desk"))

    def test_the_initiator_is_gone(self) -> None:
        """Who asked and left is told nothing; the start is taken back all the same."""
        self.starts()
        self.stage.loses("host")
        self.stage.do(Reported("guest", RecordingRefused("take")))
        self.assertEqual("not_ready", self.stage.takes["take"].reason)

    def test_who_is_missing(self) -> None:
        """Nothing begins without a phone that has a seat; it is said who is missing."""
        self.stage.loses("guest")
        self.starts()
        error = self.stage.heard("host", Error)
        self.assertEqual(("not_ready", True), (error.code, error.temporary))
        self.assertEqual("Guest: not connected", error.detail)
        self.assertEqual({}, self.stage.takes)

    def test_who_cannot_confirm(self) -> None:
        """A released app never agrees to anything."""
        stage = Stage(STRICT)
        join(stage, "host", host=True)
        stage.guest_joins()
        stage.starts()
        expected = "Pixel: its app cannot confirm a start"
        self.assertEqual(expected, stage.heard("host", Error).detail)

    def test_who_is_unfit(self) -> None:
        """A phone that would not last does not begin."""
        full = StatusReport(free_storage_bytes=2 * 10**9)
        self.stage.do(StatusReported("guest", full))
        self.starts()
        detail = str(self.stage.heard("host", Error).detail)
        self.assertIn("Guest: 2.0 GB free", detail)

    def test_the_host_decides(self) -> None:
        """A host's own policy is its session's; a guest's is not asked for."""
        for policy, expected in (("best-effort", False), ("strict", True)):
            stage = Stage(replace(Config(), start_policy="strict"))
            join(stage, "host", host=True, start_policy=policy)
            join(stage, "guest", host=False, start_policy="best-effort")
            stage.starts()
            self.assertEqual(expected, stage.take.strict)


class Status(Case):
    """How a phone fares is kept, told, and warned of."""

    def test_told(self) -> None:
        """All that it said, and nothing that it did not."""
        status = StatusReport(battery=0.5, charging=False, network="wifi")
        self.stage.do(StatusReported("guest", status))
        for peer in ("host", "guest"):
            notice = self.stage.heard(peer, StatusNotice)
            said = Condition(battery=0.5, charging=False, network="wifi")
            expected = StatusNotice("guest-id", said)
            self.assertEqual(expected, structs.replace(notice, seq=UNSET))
        self.assertEqual(status, self.stage.seat("guest").status)
        self.assertEqual(1, len(self.stage.told("host")))
        _, shown = status_of(self.stage.session).devices
        self.assertEqual(said, shown.condition)

    def test_warned(self) -> None:
        """What may spoil a recording is part of readiness, once it is new."""
        hot = StatusReport(battery=0.1, thermal="critical")
        self.stage.do(StatusReported("guest", hot))
        warnings = self.stage.heard("host", ReadinessUpdate).warnings
        assert warnings is not UNSET
        self.assertEqual(["battery", "thermal"], [each.code for each in warnings])
        self.assertEqual(Doubt("guest-id", "battery", warnings[0].text), warnings[0])
        worse = structs.replace(hot, battery=0.05)
        self.stage.do(StatusReported("guest", worse))
        self.assertEqual(["StatusNotice"], self.stage.kinds("host"))
        self.stage.do(StatusReported("guest", StatusReport(battery=0.1, charging=True)))
        self.assertIs(UNSET, self.stage.heard("host", ReadinessUpdate).warnings)

    def test_in_a_take(self) -> None:
        """In a take it is a line of the journal: why a file is short, it tells."""
        hot = StatusReport(thermal="critical")
        self.stage.do(StatusReported("guest", hot))
        self.assertEqual([], self.stage.journal)
        self.starts()
        self.stage.do(StatusReported("guest", hot))
        self.assertEqual([hot], [line.fact for line in self.stage.journal])
        for _ in range(MOST_MARKERS):
            self.stage.do(StatusReported("guest", hot))
        self.assertEqual("journal_full", self.stage.error("guest"))

    def test_in_readiness(self) -> None:
        """Whoever says that it is ready hears the warnings too."""
        self.stage.do(StatusReported("guest", StatusReport(battery=0.1)))
        self.stage.is_ready("host")
        update = self.stage.heard("guest", ReadinessUpdate)
        self.assertEqual((1, False), (update.ready_devices, update.all_ready))
        self.assertNotEqual(UNSET, update.warnings)

    def test_no_released_app_hears_of_it(self) -> None:
        """A released app is told nothing that it does not know."""
        stage = Stage()
        stage.host_joins(app=App.LIBRARY_2)
        join(stage, "guest", host=False)
        stage.do(StatusReported("guest", StatusReport(battery=0.5)))
        self.assertEqual([], stage.told("host"))

    def test_kept_over_a_lost_link(self) -> None:
        """Who comes back fares as before, until it says otherwise."""
        status = StatusReport(battery=0.5)
        self.stage.do(StatusReported("guest", status))
        self.stage.loses("guest")
        self.stage.guest_joins("again", app=NEW, resume="guest-token")
        self.assertEqual(status, self.stage.seat("again").status)

    def test_without_a_seat(self) -> None:
        """A stranger fares as it may."""
        self.stage.do(StatusReported("stranger", StatusReport()))
        self.assertEqual("not_joined", self.stage.error("stranger"))
