"""Links that break at any moment, programs that are killed: nobody records on."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json

from raydel.client.machine import Kept
from raydel.client.outbox import send
from raydel.client.wants import Call, Cut, Later, Want
from raydel.core.messages import RecordingStopped
from tests.client.parts import ME, Case, joined, of, running, sent, start, stop

EVENTS = st.lists(
    st.sampled_from(
        ["lose", "join", "start", "stop", "again", "time", "answer", "kill", "tap"]
    ),
    min_size=8,
    max_size=40,
)


class World(Case):
    """A client, a camera, and a server that tells what it owes until it is heard."""

    def begin(self) -> None:
        """Have everything as at first."""
        self.setUp()
        self.timers: list[Later] = []
        self.rolling = ""
        self.numbers = 0
        self.runs = ""
        self.owed: list[str] = []
        self.answered: dict[str, set[str]] = {}
        self.come()

    def do(self, wants: list[Want]) -> None:
        """Carry out what is wanted, with a camera that fails at nothing."""
        self.timers += of(Later, wants)
        for want in wants:
            if isinstance(want, Call):
                assert not self.rolling, "called while it rolls"
                self.rolling = want.take.id
                self.do(self.client.recordings.first_frame(want.take.id, self.time))
            elif isinstance(want, Cut):
                self.assertEqual(self.rolling, want.take.id)
                self.rolling = ""
                report = RecordingStopped(want.take.id, self.time)
                self.do(self.client.recordings.finished(report))

    def act(self, event: str) -> None:
        """Let one thing happen."""
        match event:
            case "lose":
                self.do(self.client.lost())
            case "join":
                self.come()
            case "start" if self.client.is_seated and not self.runs:
                self.numbers += 1
                self.runs = f"take-{self.numbers}"
                at = self.time + 250.0
                self.do(self.hear(start(self.runs, local_start_time=at)))
            case "stop" if self.runs:
                self.owed.append(self.runs)
                self.runs = ""
                self.tell_stops()
            case "again" if self.client.is_seated and self.runs:
                self.do(self.hear(start(self.runs)))
            case "time":
                self.pass_time(300.0)
            case "answer" if self.client.is_seated:
                self.answer_all()
            case "kill":
                self.kill()
            case "tap":
                self.do(self.client.stop())

    def come(self) -> None:
        """Have a new link, and hear what was missed."""
        self.do(self.client.lost())
        self.do(self.client.opened())
        known = running(self.runs) if self.runs else None
        fields = {"take": known} if known else {}
        self.do(self.hear(joined(recovered=True, **fields)))
        self.tell_stops()

    def tell_stops(self) -> None:
        """Tell the stops that are owed, if there is somebody to hear them."""
        if self.client.is_seated:
            owed, self.owed = self.owed, []
            for take_id in owed:
                self.do(self.hear(stop(take_id, local_stop_time=self.time)))

    def pass_time(self, milliseconds: float) -> None:
        """Let timers come due."""
        self.time += milliseconds
        due = [each for each in self.timers if each.at <= self.time]
        self.timers = [each for each in self.timers if each not in due]
        for each in sorted(due, key=lambda timer: timer.at):
            self.do(each.call())

    def answer_all(self) -> None:
        """Answer every report that waits, as the server does."""
        while reports := self.client.outbox.reports:
            (fields,) = sent([send(reports[0])])
            state = fields["type"].removeprefix("recording_")
            self.answered.setdefault(reports[0].take_id, set()).add(state)
            self.answer(state, reports[0].take_id, ME)

    def kill(self) -> None:
        """Kill the program: camera and timers are gone, the file is there."""
        kept = json.decode(json.encode(self.client.kept), type=Kept)
        self.timers, self.rolling = [], ""
        self.client = self.make(kept)
        self.do(self.client.opened())


class Reconnects(World):
    """Whatever happens, it comes to a good end."""

    @given(EVENTS)
    @settings(max_examples=500, deadline=None)
    def test_a_good_end(self, events: list[str]) -> None:
        """Once all is well, nothing rolls, and each take's end was reported."""
        self.begin()
        for event in events:
            self.act(event)
        for event in ("join", "time", "stop", "time", "time", "answer"):
            self.act(event)
        self.pass_time(5000.0)
        self.answer_all()
        self.assertEqual("", self.rolling)
        self.assertTrue(self.client.is_settled)
        ends = {"stopped", "failed"}
        for number in range(1, self.numbers + 1):
            found = self.answered.get(f"take-{number}", set())
            self.assertTrue(found & ends, f"take-{number} of {events}: {found}")
