"""The session service: what two phones and an operator see of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from raydel.core.burst import BURST
from raydel.core.config import Config
from raydel.core.instants import HOUR, MINUTE
from raydel.core.schedule import HASTE
from raydel.interfaces import IDesk, ISessions
from raydel.testing import FakeTransport
from tests.phones_in_memory import (
    CODE,
    KINDS,
    LIBRARY_1,
    LIBRARY_2,
    PROTOCOL_2,
    RELEASED,
    SCREEN_1,
    SCREEN_2,
    SCREEN_2_OLD,
    SCREEN_3,
    Kind,
    Phone,
    pair,
)
from tests.stage import Stage

ANSWERING: Final = [kind for kind in RELEASED if kind.answers]
ON_RECEIPT: Final = [kind for kind in RELEASED if not kind.answers]

CAMERA: Final = {
    LIBRARY_1: 0.0,
    LIBRARY_2: 0.0,
    SCREEN_1: 0.0,
    SCREEN_2_OLD: 50.0,
    SCREEN_2: 1050.0,
    SCREEN_3: 95.0,
    PROTOCOL_2: 0.0,
}
"""ms from the instant an app aims at to its camera call."""

LATE: Final = {SCREEN_3: 5.0}
"""ms that an app is late where it is told to start at once: this one aims 5 ms before
any time that it is told, and cannot where it is told none."""

TOGETHER: Final = 1.0
"""ms within which everything happens at one instant: phones count whole ms."""


class Case(SynchronousTestCase):
    """A running service, and nobody there yet."""

    def setUp(self) -> None:
        """Start it."""
        self.begin()

    def begin(self, config: Config | None = None) -> None:
        """Start one with other settings, or once more."""
        self.stage = Stage(config)
        self.run_for = self.stage.run
        self.service = self.stage.service

    def host(self, kind: Kind = LIBRARY_2, **more: Any) -> Phone:
        """Let a host join."""
        phone = Phone(self.stage, kind, host=True, **more).join()
        self.run_for(1000)
        return phone

    def guest(self, kind: Kind = LIBRARY_2, **more: Any) -> Phone:
        """Let a guest join."""
        phone = Phone(self.stage, kind, **more).join()
        self.run_for(1000)
        return phone

    def pair(self, host: Kind, guest: Kind, **more: float) -> tuple[Phone, Phone]:
        """Bring two phones together."""
        return pair(self.stage, host, guest, **more)

    def names(self) -> list[str]:
        """Return the names of the devices that are shown as connected."""
        status = self.service.status(CODE)
        return [] if status is None else [device.name for device in status.devices]

    def assert_together(self, one: float, other: float, *about: object) -> None:
        """Check that two instants are one, as far as whole ms can tell."""
        self.assertLessEqual(abs(one - other), TOGETHER, f"{about}: {one - other} ms")


class Interfaces(Case):
    def test_verified(self) -> None:
        """The service is what it claims to be."""
        self.assertTrue(verifyObject(ISessions, self.service))
        self.assertTrue(verifyObject(IDesk, self.service))


class CommitThenTell(Case):
    """Whatever a phone was told has been stored."""

    def join_late(self, *phones: Phone) -> None:
        """Let phones ask for seats in a store that takes its time."""
        self.stage.store.holding = True
        for phone in phones:
            phone.join()
        self.run_for(100)

    def test_nothing_leaves_before(self) -> None:
        """Neither answer, pong nor error leaves before the seat is stored."""
        phone = Phone(self.stage, LIBRARY_2, host=True)
        self.join_late(phone)
        phone.say("ping")
        phone.say("nonsense")
        phone.say("join", sessionId=CODE, isHost=True)
        self.run_for(1000)
        self.assertEqual([], phone.messages)
        self.assertEqual([], list(self.service.statuses()))
        self.stage.store.release()
        self.run_for(50)
        self.assertEqual(["joined", "pong", "error", "error"], phone.types)
        self.assertEqual("joined", phone.messages[0]["type"])

    def test_pong_and_time_sync_pass_by(self) -> None:
        """They wait for no commit, once the phone has its seat."""
        phone = self.host()
        self.stage.store.holding = True
        phone.tap_start()
        phone.say("ping")
        phone.say("nonsense")
        self.run_for(500)
        self.assertEqual(["joined", "pong"], phone.types)
        self.stage.store.release()
        self.run_for(500)
        self.assertEqual(
            ["joined", "pong", "error", "start_recording"], sorted_last(phone.types)
        )

    def test_time_sync_passes_by(self) -> None:
        """A phone's clock is learned while a commit is under way."""
        phone = Phone(self.stage, LIBRARY_2, host=True).join()
        self.run_for(30)
        self.stage.store.holding = True
        phone.tap_start()
        self.run_for(900)
        self.assertEqual(6, len(phone.all("time_sync_update")))
        self.assertEqual([], phone.all("start_recording"))

    def test_other_sessions_do_not_wait(self) -> None:
        """A commit under way holds up its own session only."""
        waiting = Phone(self.stage, LIBRARY_2, host=True)
        self.join_late(waiting)
        self.stage.store.holding = False
        other = Phone(self.stage, LIBRARY_2, host=True).join("XYZ789")
        self.run_for(100)
        self.assertEqual([], waiting.types)
        self.assertEqual(["joined"], other.types)

    def test_one_commit_a_turn(self) -> None:
        """Many messages that come at once are one commit."""
        before = self.stage.store.commits
        for n in range(20):
            Phone(self.stage, LIBRARY_1, host=True).join(f"ABC1{n:02}")
        self.run_for(100)
        self.assertEqual(before + 1, self.stage.store.commits)
        self.assertEqual(20, len(self.service.statuses()))


def sorted_last(types: Sequence[str]) -> list[str]:
    """Sort all but what came first: a start leaves later than an error."""
    return [*types[:2], *sorted(types[2:])]


class Seats(Case):
    """Who sits where, and who comes back."""

    def test_joined(self) -> None:
        """Both know each other after they have joined."""
        host, guest = self.pair(LIBRARY_1, LIBRARY_1)
        self.assertEqual(["joined", "device_connected"], host.types)
        self.assertEqual(["joined", "device_connected"], guest.types)
        self.assertEqual(["iPhone 15", "Pixel 9"], self.names())
        self.assertEqual(2, self.service.connection_count)

    def test_not_joined(self) -> None:
        """A command from a stranger is refused; the stranger stays."""
        stranger = Phone(self.stage, LIBRARY_1).connect()
        for command in ("start_recording", "stop_recording", "device_ready"):
            stranger.say(command)
        stranger.say("ping")
        self.run_for(100)
        errors = [error["code"] for error in stranger.all("error")]
        self.assertEqual(["not_joined"] * 3, errors)
        self.assertEqual(1, len(stranger.all("pong")))

    def test_already_joined(self) -> None:
        """A second join on one connection is refused."""
        phone = self.host()
        phone.say("join", sessionId="XYZ789", isHost=True)
        self.run_for(100)
        self.assertEqual("already_joined", phone.last("error")["code"])
        self.assertEqual(1, len(self.service.statuses()))

    def test_the_same_join_again(self) -> None:
        """One with an id may be sent again: the same seat, and the same token."""
        phone = Phone(self.stage, PROTOCOL_2, host=True).join(commandId="1")
        self.run_for(100)
        again = {"isHost": True, "protocol": 2, "commandId": "1"}
        phone.say("join", sessionId=CODE, **again)
        self.run_for(100)
        first, second = phone.all("joined")
        self.assertEqual(
            *((m["deviceId"], m["resumeToken"], m["seq"]) for m in (first, second))
        )
        phone.say("join", sessionId="XYZ789", **again)
        self.run_for(100)
        self.assertEqual("already_joined", phone.last("error")["code"])
        self.assertEqual([CODE], [status.id for status in self.service.statuses()])

    def test_twice_at_once(self) -> None:
        """A guest that asks twice before the host has come is seated by the second."""
        guest = Phone(self.stage, PROTOCOL_2).join(commandId="1")
        Phone(self.stage, LIBRARY_2, host=True).join()
        guest.say("join", sessionId=CODE, protocol=2, commandId="1")
        self.run_for(1000)
        self.assertEqual(["error", "joined"], sorted(guest.types)[1:])
        guest.say("device_ready")
        self.run_for(100)
        self.assertEqual("readiness_update", guest.types[-1])
        guest.hang_up()
        self.run_for(100)
        self.assertEqual(["iPhone 15"], self.names())

    def test_path_and_code(self) -> None:
        """A code in the path that is not the one in the join is refused."""
        phone = Phone(self.stage, LIBRARY_1, host=True).connect("XYZ789")
        phone.say("join", sessionId=CODE, isHost=True)
        phone.say("join", sessionId="xyz789", isHost=True)
        self.run_for(100)
        self.assertEqual("invalid_session_id", phone.last("error")["code"])
        self.assertEqual("XYZ789", phone.last("joined")["sessionId"])

    def test_resumed_by_name(self) -> None:
        """The same role and name get the seat back, with the same id."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        before = host.device_id
        host.hang_up()
        self.run_for(1000)
        host.join()
        self.run_for(1000)
        self.assertEqual(before, host.device_id)
        self.assertEqual(["device_disconnected", "device_connected"], guest.types[-2:])

    def test_resumed_by_token(self) -> None:
        """A token gets the seat back whatever the device is called now."""
        host = self.host(PROTOCOL_2)
        before, token = host.device_id, host.last("joined")["resumeToken"]
        host.hang_up()
        self.run_for(100)
        host.name = "renamed"
        host.join(resumeToken=token)
        self.run_for(100)
        self.assertEqual(
            (before, True), (host.device_id, host.last("joined")["resumed"])
        )
        self.assertEqual(["renamed"], self.names())

    def test_a_wrong_token_gets_nothing(self) -> None:
        """A token that was never given does not take a host's seat."""
        host = self.host(PROTOCOL_2)
        host.hang_up()
        self.run_for(100)
        thief = Phone(self.stage, PROTOCOL_2, host=True).join(resumeToken="guessed")
        self.run_for(100)
        self.assertEqual("host_exists", thief.last("error")["code"])

    def test_ghost(self) -> None:
        """Where the old connection is dead, the newcomer takes over after 2 s."""
        ghost = self.host()
        ghost.deaf = True
        again = Phone(self.stage, LIBRARY_2, host=True).join()
        self.run_for(1900)
        self.assertEqual([], again.types)
        self.run_for(200)
        self.assertEqual(["joined"], again.types)
        self.assertEqual(ghost.device_id, again.device_id)
        self.assertEqual(1000, ghost.wire.goodbye)

    def test_alive(self) -> None:
        """Where the old connection answers, the newcomer is turned away."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        for is_host, code in ((True, "host_exists"), (False, "session_full")):
            name = (host if is_host else guest).name
            double = Phone(self.stage, LIBRARY_2, host=is_host, name=name).join()
            self.run_for(500)
            self.assertEqual(code, double.last("error")["code"])
            self.assertTrue(double.last("error")["temporary"])
        self.assertEqual(2, len(self.names()))

    def test_no_silent_stranger(self) -> None:
        """Who never joins is closed with 1000 after 30 s."""
        stranger = Phone(self.stage, LIBRARY_1).connect()
        self.run_for(31_000)
        self.assertEqual(1000, stranger.wire.goodbye)
        self.run_for(100)
        self.assertEqual(0, self.service.connection_count)


class Liveness(Case):
    """Who is there is known within 15 s."""

    def test_silence_is_shown(self) -> None:
        """A silent released phone is shown as gone; its wire stays open."""
        for kind in RELEASED:
            self.begin()
            host, guest = self.pair(LIBRARY_2, kind)
            guest.deaf = True
            self.run_for(15_000)
            self.assertEqual("device_disconnected", host.types[-1], kind)
            self.assertEqual(["iPhone 15"], self.names(), kind)
            self.run_for(120_000)
            self.assertTrue(guest.wire.is_open, kind)

    def test_protocol_2_is_dropped(self) -> None:
        """One that speaks protocol 2 is dropped: it knows how to come back."""
        host, guest = self.pair(LIBRARY_2, PROTOCOL_2)
        guest.deaf = True
        self.run_for(15_000)
        self.assertTrue(guest.wire.aborted)
        self.assertEqual("device_disconnected", host.types[-1])
        self.assertEqual(1, self.service.connection_count)

    def test_heard_again(self) -> None:
        """One that answers again is shown again."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        guest.deaf = True
        self.run_for(15_000)
        guest.deaf = False
        self.run_for(5_000)
        self.assertEqual(["device_disconnected", "device_connected"], host.types[-2:])
        self.assertEqual(2, len(self.names()))

    def test_a_quiet_app_is_alive(self) -> None:
        """A phone that answers pings may be silent for hours."""
        host, guest = self.pair(SCREEN_1, LIBRARY_1)
        self.run_for(2 * HOUR)
        self.assertEqual(2, len(self.names()))
        self.assertTrue(host.wire.is_open and guest.wire.is_open)

    def test_a_stalled_link_is_forgotten(self) -> None:
        """Once a stall is over, starts and stops are as much at once as before."""
        for kind, stall in product((LIBRARY_1, LIBRARY_2, SCREEN_2), (6, 20, 60)):
            self.begin()
            host, guest = self.pair(kind, kind)
            guest.stall()
            self.run_for(stall * 1_000)
            guest.recover()
            self.run_for(1_500)
            host.tap_start()
            self.run_for(5_000)
            host.tap_stop()
            self.run_for(5_000)
            self.assert_together(*host.camera_calls, *guest.camera_calls, kind, stall)
            self.assert_together(*host.stops, *guest.stops, kind, stall)

    def test_all_phones_are_pinged(self) -> None:
        """Every phone is pinged every four seconds."""
        phones = [
            Phone(self.stage, LIBRARY_1, host=True).join(f"ABC1{n:02}")
            for n in range(12)
        ]
        self.run_for(1000)
        before = [len(phone.pings) for phone in phones]
        self.run_for(40_000)
        for phone, count in zip(phones, before, strict=True):
            self.assertEqual(10, len(phone.pings) - count)


class Deadlines(Case):
    """Whatever has a deadline meets it."""

    def test_cleanup(self) -> None:
        """A session ends 30 minutes after its last device was lost."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        host.hang_up()
        guest.hang_up()
        self.run_for(30 * MINUTE - 100)
        self.assertEqual(1, len(self.service.statuses()))
        self.run_for(200)
        self.assertEqual([], list(self.service.statuses()))

    def test_longest_take(self) -> None:
        """A take is ended for everybody after its longest duration."""
        self.begin(Config(longest_take=10 * MINUTE))
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        host.tap_start()
        self.run_for(10 * MINUTE)
        self.assertTrue(host.is_recording)
        self.run_for(1000)
        self.assertFalse(host.is_recording or guest.is_recording)
        self.assertEqual("server", host.last("stop_recording")["initiator"])


class Starts(Case):
    """Every camera is called at one instant."""

    def play(
        self, host: Kind, guest: Kind, near: float = 3.0, far: float = 20.0
    ) -> tuple[Phone, Phone]:
        """Bring two phones together, and start a take."""
        self.begin()
        phones = self.pair(host, guest, near=near, far=far)
        # A host of screen 1 starts at its own tap: there the guest taps.
        phones[host is SCREEN_1].tap_start()
        self.run_for(3000)
        return phones

    def test_at_one_instant(self) -> None:
        """Two phones of any kinds start and stop within 1 ms of each other."""
        for host, guest in product(KINDS, KINDS):
            for near, far in ((3.0, 20.0), (0.4, 49.7)):
                first, second = self.play(host, guest, near, far)
                self.assert_together(
                    first.camera_calls[0], second.camera_calls[0], host, guest, near
                )
                first.tap_stop()
                self.run_for(3000)
                self.assert_together(first.stops[0], second.stops[0], host, guest, near)

    def test_answering_phones_are_told_when(self) -> None:
        """They get T - c in their own time, well before."""
        for kind in ANSWERING:
            for phone in self.play(kind, kind):
                start = phone.last("start_recording")
                true = start["atomic_start_time"] - phone.offset
                self.assert_together(phone.camera_calls[0] - CAMERA[kind], true, kind)
                self.assertLess(phone.times("start_recording")[0], true)
                self.assertTrue(start["high_precision"])
                entry = start["device_timestamps"][phone.device_id]
                self.assertEqual(start["atomic_start_time"], entry["atomic_start"])
                self.assertEqual(1, len(start["device_timestamps"]))

    def test_phones_on_receipt_are_told_to_start_at_once(self) -> None:
        """They get 0, which all of them know as *now*, at T - c."""
        for kind in ON_RECEIPT:
            for phone in self.play(kind, kind):
                start = phone.last("start_recording")
                self.assertEqual(0, start["atomic_start_time"])
                self.assertEqual({}, start["device_timestamps"])
                aim = phone.camera_calls[0] - CAMERA[kind]
                self.assert_together(aim, phone.times("start_recording")[0], kind)

    def test_burst(self) -> None:
        """Within the lead they are pinged four to eight times, 25 ms apart."""
        host, _ = self.pair(LIBRARY_1, LIBRARY_1)
        before = len(host.pings)
        host.tap_start()
        self.run_for(240)
        burst = host.pings[before:]
        self.assertLessEqual(4, len(burst))
        self.assertLessEqual(len(burst), 8)
        for one, next_one in pairwise(burst):
            self.assertApproximates(25.0, next_one - one, 0.1)

    def test_unanswered_probes(self) -> None:
        """A phone that answers no fresh probe still gets its copy in time."""
        for kind in ANSWERING:
            self.begin()
            host, guest = self.pair(kind, kind)
            guest.answers = False
            host.tap_start()
            self.run_for(3000)
            self.assertNotEqual(0, guest.last("start_recording")["atomic_start_time"])
            self.assert_together(host.camera_calls[0], guest.camera_calls[0], kind)

    def test_learned_anew(self) -> None:
        """A clock that was set is known again, though the way has become longer."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        guest.offset += 3_600_000.0
        guest.up = guest.down = 60.0
        self.run_for(60_000)
        for _ in range(2):
            host.tap_start()
            self.run_for(1000)
            host.tap_stop()
            self.run_for(1000)
        _, again = guest.all("start_recording")
        self.assertApproximates(guest.clock, again["atomic_start_time"], 3000)
        self.assert_together(host.camera_calls[1], guest.camera_calls[1])

    def test_answers_on_this_connection_count(self) -> None:
        """A phone that comes back is not known until it has answered again."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        guest.hang_up()
        self.run_for(100)
        guest.answers = False
        guest.join()
        self.run_for(5000)
        host.tap_start()
        self.run_for(1000)
        self.assertEqual(0, guest.last("start_recording")["atomic_start_time"])
        self.assert_together(host.camera_calls[0], guest.camera_calls[0])

    def test_lead(self) -> None:
        """Cameras of one quick kind are called soon after the command.

        A quarter of a second if they start on receipt; if they are told when, there is
        a whole burst before.
        """
        burst = (BURST - 1) * HASTE
        for kind, lead in (
            (LIBRARY_1, 250.0),
            (SCREEN_2_OLD, 250.0),
            (LIBRARY_2, burst + 2 * 20.0 + 20.0 + 40.0 + 20.0),
        ):
            self.begin()
            host, _ = self.pair(kind, kind)
            tapped = self.stage.now
            host.tap_start()
            self.run_for(3000)
            self.assertApproximates(tapped + 3.0 + lead, host.camera_calls[0], 2.0)

    def test_right_after_the_join(self) -> None:
        """How far a phone is has been measured before anybody can tap."""
        for kind in KINDS:
            self.begin()
            host = Phone(self.stage, kind, host=True).join()
            self.run_for(100)
            guest = Phone(self.stage, kind, delay=120.0).join()
            self.run_for(750)
            guest.tap_start()
            self.run_for(3000)
            self.assert_together(host.camera_calls[0], guest.camera_calls[0], kind)

    def test_longest_lead(self) -> None:
        """No lead is over 5 s, whatever is set and however far a phone is."""
        self.begin(Config(lead=60_000.0))
        host, _ = self.pair(LIBRARY_1, SCREEN_2, far=900.0)
        tapped = self.stage.now
        host.tap_start()
        self.run_for(6000)
        self.assertApproximates(tapped + 5003.0, host.camera_calls[0], TOGETHER)

    def test_screen_1_host(self) -> None:
        """It starts at its tap, so the others follow without a lead."""
        host, guest = self.pair(SCREEN_1, LIBRARY_1)
        tapped = self.stage.now
        host.tap_start()
        self.run_for(3000)
        self.assertEqual([tapped], host.camera_calls)
        self.assertApproximates(tapped + 3.0 + 20.0, guest.camera_calls[0], TOGETHER)

    def test_all_kinds_get_the_field(self) -> None:
        """`atomic_start_time` is never absent: screen 3 would not record."""
        for kind in RELEASED:
            for phone in self.play(kind, kind):
                self.assertIn("atomic_start_time", phone.last("start_recording"))

    def test_one_take(self) -> None:
        """Two starts at once make one take; the second sender is told which."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        host.tap_start()
        guest.tap_start()
        self.run_for(1000)
        (error,) = guest.all("error")
        self.assertEqual("recording_in_progress", error["code"])
        self.assertIn("takeId", error)
        self.assertEqual(1, len(guest.all("start_recording")))


class ClockSteps(Case):
    """A phone's own clock is set by an hour, and nothing comes of it."""

    KINDS: Final = (*ANSWERING, PROTOCOL_2)

    def assert_started_together(self, host: Phone, guest: Phone, step: float) -> None:
        """Check that the guest, whose clock was set, started with the host."""
        late = LATE.get(guest.kind, 0.0)
        self.assert_together(
            host.camera_calls[0] + late, guest.camera_calls[0], guest.kind, step
        )

    def test_before_a_start(self) -> None:
        """Fresh answers disagree: it is told no time, and starts when it should."""
        for kind, step in product(self.KINDS, (HOUR, -HOUR)):
            self.begin()
            host, guest = self.pair(kind, kind)
            guest.offset += step
            host.tap_start()
            self.run_for(3000)
            start = guest.last("start_recording")
            if kind is PROTOCOL_2:
                self.assertNotIn("localStartTime", start)
            else:
                self.assertEqual(0, start["atomic_start_time"])
            self.assert_started_together(host, guest, step)
            aim = host.camera_calls[0] - CAMERA[kind]
            self.assert_together(aim, guest.times("start_recording")[0], kind, step)

    def test_while_it_counts_down(self) -> None:
        """One fresh answer after the step is enough, before its copy has left."""
        for kind, step in product(self.KINDS, (HOUR, -HOUR)):
            self.begin()
            host, guest = self.pair(kind, kind)
            host.tap_start()
            self.run_for(60)
            self.assertEqual([], guest.all("start_recording"))
            guest.offset += step
            self.run_for(3000)
            self.assert_started_together(host, guest, step)

    def test_during_a_take(self) -> None:
        """It stops when the other one does, or as soon as it hears of that."""
        for kind, step in product(self.KINDS, (HOUR, -HOUR)):
            self.begin()
            host, guest = self.pair(kind, kind, near=20.0)
            host.tap_start()
            self.run_for(60_000)
            guest.offset += step
            self.run_for(60_000)
            host.tap_stop()
            self.run_for(3000)
            self.assert_together(host.stops[0], guest.stops[0], kind, step)

    def test_the_take_after(self) -> None:
        """The next take begins and ends as if nothing had been."""
        for kind, step in product(self.KINDS, (HOUR, -HOUR)):
            self.begin()
            host, guest = self.pair(kind, kind)
            for n in range(3):
                guest.offset += step if n == 1 else 0.0
                host.tap_start()
                self.run_for(3000)
                host.tap_stop()
                self.run_for(3000)
            self.assert_together(host.camera_calls[2], guest.camera_calls[2], kind)
            self.assert_together(host.stops[2], guest.stops[2], kind, step)
            start = guest.last("start_recording")
            told = start.get("localStartTime", start["atomic_start_time"])
            self.assertApproximates(guest.clock, told, 10_000)


class Stops(Case):
    """Every recording ends at one instant, and no phone forgets to."""

    def recording(self, host: Kind, guest: Kind) -> tuple[Phone, Phone]:
        """Bring two phones together, and record."""
        phones = self.pair(host, guest)
        phones[0].tap_start()
        self.run_for(5000)
        return phones

    def test_nothing_to_stop(self) -> None:
        """A stop without a take is refused."""
        host, _ = self.pair(LIBRARY_2, LIBRARY_2)
        host.tap_stop()
        self.run_for(100)
        self.assertEqual("no_recording", host.last("error")["code"])

    def test_before_the_copy_has_left(self) -> None:
        """A stop within the lead takes back the copies that have not left."""
        for kind in ON_RECEIPT:
            self.begin()
            host, guest = self.pair(kind, kind)
            guest.tap_start()
            self.run_for(50)
            guest.tap_stop()
            self.run_for(5000)
            for phone in (host, guest):
                self.assertEqual([], phone.all("start_recording"), kind)
                self.assertEqual(1, len(phone.all("stop_recording")), kind)

    def test_after_the_copy_has_left(self) -> None:
        """Then the stop is held until 300 ms and c after the camera call."""
        for kind in ANSWERING:
            self.begin()
            host, guest = self.pair(kind, kind)
            host.tap_start()
            self.run_for(450)
            self.assertEqual(1, len(host.all("start_recording")))
            host.tap_stop()
            self.run_for(5000)
            for phone in (host, guest):
                recorded = phone.stops[0] - phone.camera_calls[0]
                self.assertGreaterEqual(recorded, CAMERA[kind] + 300.0 - TOGETHER)
            self.assert_together(host.stops[0], guest.stops[0], kind)
            self.assert_together(host.camera_calls[0], guest.camera_calls[0], kind)

    def test_hasty(self) -> None:
        """However soon a stop comes, nobody is left recording."""
        for host_kind, guest_kind in product(RELEASED, RELEASED):
            for pause in (0.0, 1.0, 40.0, 110.0, 230.0, 260.0, 900.0):
                self.begin()
                host, guest = self.pair(host_kind, guest_kind)
                guest.tap_start()
                self.run_for(pause)
                guest.tap_stop()
                self.run_for(6000)
                about = (host_kind, guest_kind, pause)
                self.assertFalse(host.is_recording or guest.is_recording, about)
                self.assertEqual(1, len(host.all("stop_recording")), about)

    def test_held_stops_are_one_instant(self) -> None:
        """A stop that is held for one phone is late for the other too."""
        for host_kind, guest_kind in product(ANSWERING, RELEASED):
            self.begin()
            host, guest = self.pair(host_kind, guest_kind)
            guest.tap_start()
            self.run_for(1500)
            self.assertTrue(host.is_recording and guest.is_recording)
            guest.tap_stop()
            self.run_for(5000)
            self.assert_together(host.stops[0], guest.stops[0], host_kind, guest_kind)

    def test_the_end_waits(self) -> None:
        """`session_ended` and the close come after a stop that is held."""
        host, guest = self.pair(LIBRARY_2, SCREEN_3)
        host.tap_start()
        self.run_for(450)
        ended = self.service.end(CODE)
        self.run_for(5000)
        self.assertTrue(self.successResultOf(ended))
        for phone in (host, guest):
            tail = ["start_recording", "stop_recording", "session_ended"]
            self.assertEqual(tail, phone.types[-3:])
            self.assertEqual(1000, phone.wire.goodbye)
            self.assertFalse(phone.is_recording)
        self.assertEqual([], list(self.service.statuses()))

    def test_nothing_to_end(self) -> None:
        """Where no session is, none is ended."""
        ended = self.service.end(CODE)
        self.run_for(0)
        self.assertFalse(self.successResultOf(ended))

    def test_a_new_start_does_not_overtake(self) -> None:
        """A start right behind a stop that is held makes a second take."""
        for kind in ANSWERING:
            self.begin()
            host, guest = self.pair(kind, kind)
            host.tap_start()
            self.run_for(450)
            host.tap_stop()
            self.run_for(50)
            host.tap_start()
            self.run_for(6000)
            commands = [t for t in guest.types if t.endswith("recording")]
            start, stop = "start_recording", "stop_recording"
            self.assertEqual([start, stop, start], commands)
            self.assertEqual((2, 1), (len(guest.camera_calls), len(guest.stops)))
            aim = guest.last("start_recording")["atomic_start_time"] - guest.offset
            late = guest.times("start_recording")[1] - aim
            self.assertLessEqual(late, TOGETHER, kind)
            self.assert_together(host.camera_calls[1], guest.camera_calls[1], kind)

    def test_protocol_2_stops_at_the_instant(self) -> None:
        """The instant of a stop is now plus the larger one-way delay."""
        host, guest = self.recording(PROTOCOL_2, PROTOCOL_2)
        tapped = self.stage.now
        host.tap_stop()
        self.run_for(1000)
        for phone in (host, guest):
            self.assertApproximates(tapped + 3.0 + 20.0, phone.stops[0], TOGETHER)


class Receipts(Case):
    """What is known to have arrived is not said twice, the rest is."""

    def test_proven_start(self) -> None:
        """A phone that has its start and comes back is not told again."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        host.tap_start()
        self.run_for(1000)
        guest.hang_up()
        self.run_for(1000)
        guest.join()
        self.run_for(3000)
        self.assertEqual(1, len(guest.all("start_recording")))
        self.assertTrue(guest.is_recording)

    def test_unproven_start(self) -> None:
        """A phone whose start was lost on the way is told when it comes back."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        guest.deaf = True
        host.tap_start()
        self.run_for(1000)
        guest.wire.broken(1006)
        guest.deaf = False
        guest.join()
        self.run_for(3000)
        self.assertEqual(1, len(guest.all("start_recording")))
        self.assertTrue(guest.is_recording)

    def test_missed_stop(self) -> None:
        """A phone that missed its stop gets it when it returns, once."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        host.tap_start()
        self.run_for(1000)
        guest.hang_up()
        self.run_for(1000)
        host.tap_stop()
        self.run_for(60_000)
        for _ in range(2):
            guest.join()
            self.run_for(1000)
            guest.hang_up()
            self.run_for(100)
        self.assertEqual(1, len(guest.all("stop_recording")))
        self.assertFalse(guest.is_recording)

    def test_missed_end(self) -> None:
        """So does one whose session was ended meanwhile, before it is refused."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        host.tap_start()
        self.run_for(1000)
        guest.hang_up()
        self.run_for(1000)
        self.service.end(CODE)
        self.run_for(1000)
        guest.join()
        self.run_for(1000)
        self.assertEqual(["stop_recording", "error"], guest.types[-2:])
        self.assertFalse(guest.is_recording)

    def test_losing_a_link_stops_nothing(self) -> None:
        """The phone records on, and the other one is told of the loss."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        host.tap_start()
        self.run_for(1000)
        host.hang_up(1001)
        self.run_for(1000)
        self.assertTrue(host.is_recording and guest.is_recording)
        self.assertEqual("device_disconnected", guest.types[-1])
        guest.tap_stop()
        self.run_for(1000)
        self.assertFalse(guest.is_recording)


class Shutdown(Case):
    """The program ends; the phones come back."""

    def test_goodbye(self) -> None:
        """All are told 1012, and it is over once they have answered."""
        host, guest = self.pair(LIBRARY_2, PROTOCOL_2)
        stranger = Phone(self.stage, LIBRARY_1).connect()
        stopped = self.service.stopService()
        self.assertNoResult(stopped)
        self.run_for(100)
        self.successResultOf(stopped)
        for phone in (host, guest, stranger):
            self.assertEqual(1012, phone.wire.goodbye)
            self.assertFalse(phone.wire.aborted)
        self.assertEqual([], self.stage.clock.getDelayedCalls())

    def test_nobody_there(self) -> None:
        """With nobody connected it is over at once."""
        self.successResultOf(self.service.stopService())
        self.assertEqual([], self.stage.clock.getDelayedCalls())

    def test_the_deaf(self) -> None:
        """Who does not answer the goodbye is dropped after 3 s."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        guest.deaf = True
        stopped = self.service.stopService()
        self.run_for(2900)
        self.assertNoResult(stopped)
        self.run_for(200)
        self.successResultOf(stopped)
        self.assertEqual((False, True), (host.wire.aborted, guest.wire.aborted))

    def test_no_timer_is_left(self) -> None:
        """Not in the middle of a start, a held stop, a claim or a cleanup."""
        host, guest = self.pair(LIBRARY_2, SCREEN_3)
        lost = Phone(self.stage, LIBRARY_1, host=True).join("XYZ789")
        self.run_for(100)
        lost.hang_up()
        guest.deaf = True
        Phone(self.stage, LIBRARY_2, host=True).join()
        host.tap_start()
        self.run_for(200)
        host.tap_stop()
        self.run_for(20)
        stopped = self.service.stopService()
        self.run_for(5000)
        self.successResultOf(stopped)
        self.assertEqual([], self.stage.clock.getDelayedCalls())

    def test_state_survives(self) -> None:
        """The sessions are stored, and nobody in them is connected."""
        self.pair(LIBRARY_2, LIBRARY_2)
        self.service.stopService()
        self.run_for(5000)
        self.service.startService()
        self.assertEqual([CODE], [status.id for status in self.service.statuses()])
        self.assertEqual([], self.names())

    def test_back_after_a_restart(self) -> None:
        """Phones get their seats back from the next program."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        before = host.device_id
        self.service.stopService()
        self.run_for(5000)
        self.service.startService()
        host.join()
        guest.join()
        self.run_for(1000)
        self.assertEqual(before, host.device_id)
        self.assertEqual(2, len(self.names()))

    def test_too_late(self) -> None:
        """Who connects while it ends is told 1012 too."""
        _, guest = self.pair(LIBRARY_2, LIBRARY_2)
        guest.deaf = True
        self.service.stopService()
        self.run_for(1000)
        late = Phone(self.stage, LIBRARY_1).connect()
        self.assertEqual(1012, late.wire.goodbye)
        self.run_for(5000)
        self.assertEqual([], self.stage.clock.getDelayedCalls())

    def test_the_store_is_waited_for(self) -> None:
        """It is not over before what the phones left behind is stored."""
        self.pair(LIBRARY_2, LIBRARY_2)
        self.stage.store.holding = True
        stopped = self.service.stopService()
        self.run_for(500)
        self.assertNoResult(stopped)
        while self.stage.store.held:
            self.stage.store.release()
            self.run_for(0)
        self.successResultOf(stopped)
        self.assertEqual([], self.stage.clock.getDelayedCalls())

    def test_but_not_for_ever(self) -> None:
        """A store that does not answer is left behind, with a word in the log."""
        self.pair(LIBRARY_2, LIBRARY_2)
        self.stage.store.holding = True
        stopped = self.service.stopService()
        self.run_for(4900)
        self.successResultOf(stopped)
        self.assertEqual(1, len(self.flushLoggedErrors()))
        self.assertEqual([], self.stage.clock.getDelayedCalls())


class BrokenWire(FakeTransport):
    """A wire that breaks its promise: it raises, once it is set to."""

    broken = False

    def send(self, frame: bytes) -> None:
        """Raise."""
        self._fail()
        super().send(frame)

    def ping(self, payload: bytes) -> None:
        """Raise."""
        self._fail()
        super().ping(payload)

    def _fail(self) -> None:
        if self.broken:
            raise ZeroDivisionError


class Harm(Case):
    """What goes wrong for one peer harms no other."""

    def test_an_effect(self) -> None:
        """A wire that raises is logged; all others are told."""
        wire = BrokenWire()
        peer = self.service.connect(wire, None)
        peer.received(
            b'{"type": "join", "sessionId": "ABC123", "isHost": true, "protocol": 2}'
        )
        self.run_for(1000)
        guest = self.guest()
        wire.broken = True
        guest.say("device_ready")
        self.run_for(500)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.assertEqual("readiness_update", guest.types[-1])

    def test_a_heartbeat(self) -> None:
        """A ping that fails is logged; everybody else is pinged on."""
        wire = BrokenWire()
        self.service.connect(wire, None)
        wire.broken = True
        phones = [self.host()]
        self.run_for(20_000)
        self.assertTrue(self.flushLoggedErrors(ZeroDivisionError))
        self.assertGreaterEqual(len(phones[0].pings), 4)

    def test_nobody_pings_the_gone(self) -> None:
        """A wire that is gone is left alone."""
        wire = BrokenWire()
        self.service.connect(wire, None).closed(1006)
        wire.broken = True
        self.run_for(20_000)
        self.assertEqual([], self.flushLoggedErrors())

    def test_a_step(self) -> None:
        """A command the service has no step for is its own fault, and no more."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        self.service.report(CODE, object())  # type: ignore[arg-type]
        host.tap_start()
        self.run_for(1000)
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))
        self.assertTrue(host.is_recording and guest.is_recording)
