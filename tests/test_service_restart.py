"""The program is killed and started again: matches go on."""

from __future__ import annotations

from typing import Any

from raydel.core.config import Config
from raydel.core.instants import MINUTE
from tests.phones_in_memory import (
    CODE,
    LIBRARY_1,
    LIBRARY_2,
    PROTOCOL_2,
    RELEASED,
    Kind,
    Phone,
)
from tests.test_service import Case


class Restart(Case):
    """Two phones, and a program that ends without a word."""

    def kill(self, *phones: Phone) -> None:
        """Kill the program, start another one, and break every wire."""
        for phone in phones:
            phone.wire.lose()
        self.stage.restart()
        self.service = self.stage.service
        self.run_for(100)

    def back(self, *phones: Phone, **more: Any) -> None:
        """Let phones come back as their apps do."""
        for phone in phones:
            phone.join(**more)
            self.run_for(1_000)

    def recording(self, kind: Kind = LIBRARY_2) -> tuple[Phone, Phone]:
        """Bring two phones together, and record."""
        phones = self.pair(kind, kind)
        phones[0].tap_start()
        self.run_for(3_000)
        return phones


class Seats(Restart):
    """Whose seat is whose."""

    def test_nobody_is_there(self) -> None:
        """Sessions are known at once, with nobody in them."""
        self.kill(*self.pair(LIBRARY_2, LIBRARY_2))
        self.assertEqual([CODE], [status.id for status in self.service.statuses()])
        self.assertEqual([], self.names())

    def test_by_name(self) -> None:
        """Released apps get their seats back by role and name, in any order."""
        for kind in (LIBRARY_1, LIBRARY_2):
            self.begin()
            host, guest = self.pair(kind, kind)
            before = host.device_id, guest.device_id
            self.kill(host, guest)
            self.back(guest, host)
            self.assertEqual(before, (host.device_id, guest.device_id))
            self.assertEqual(["iPhone 15", "Pixel 9"], self.names())

    def test_by_token(self) -> None:
        """Protocol 2 gets them by token; what is stored of that opens nothing."""
        host, guest = self.pair(PROTOCOL_2, PROTOCOL_2)
        before, token = host.device_id, host.last("joined")["resumeToken"]
        self.kill(host, guest)
        session = self.stage.store.kept(CODE)
        self.assertNotIn(token, str(session))
        host.name = "renamed"
        self.back(host, resumeToken=token)
        self.assertEqual(before, host.device_id)
        self.assertNotEqual(token, host.last("joined")["resumeToken"])

    def test_seats_are_held(self) -> None:
        """A stranger gets no host's seat for being quicker."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        self.kill(host, guest)
        thief = Phone(self.stage, LIBRARY_2, host=True, name="thief").join()
        self.run_for(500)
        self.assertEqual("host_exists", thief.last("error")["code"])
        self.back(host)
        self.assertEqual(["iPhone 15"], self.names())


class Takes(Restart):
    """A recording does not notice."""

    def test_it_runs_on(self) -> None:
        """No phone is told to start again, and either may stop it."""
        for kind in RELEASED:
            self.begin()
            host, guest = self.pair(kind, kind)
            guest.tap_start()
            self.run_for(5_000)
            self.kill(host, guest)
            self.back(host, guest)
            status = self.service.status(CODE)
            assert status is not None
            self.assertTrue(status.is_recording, kind)
            guest.tap_stop()
            self.run_for(3_000)
            self.assertFalse(host.is_recording or guest.is_recording, kind)
            self.assert_together(host.stops[-1], guest.stops[-1], kind)
            self.assertEqual(1, len(guest.all("start_recording")), kind)

    def test_a_stop_that_was_not_delivered(self) -> None:
        """It is told to whoever comes back, once."""
        host, guest = self.recording()
        guest.deaf = True
        host.tap_stop()
        self.run_for(500)
        self.kill(host, guest)
        guest.deaf = False
        self.back(host, guest)
        self.assertFalse(guest.is_recording)
        self.assertEqual(1, len(host.all("stop_recording")))
        guest.hang_up()
        self.run_for(100)
        self.back(guest)
        self.assertEqual(1, len(guest.all("stop_recording")))

    def test_a_start_that_was_not_delivered(self) -> None:
        """So is a start: the phone begins late rather than never."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        guest.deaf = True
        host.tap_start()
        self.run_for(1_000)
        self.kill(host, guest)
        guest.deaf = False
        self.back(host, guest)
        self.assertTrue(guest.is_recording)

    def test_an_end_that_was_not_delivered(self) -> None:
        """A session that was ended is over, but who recorded is told to stop."""
        host, guest = self.recording()
        guest.deaf = True
        self.service.end(CODE)
        self.run_for(500)
        self.kill(host, guest)
        guest.deaf = False
        self.back(guest)
        self.assertEqual(["stop_recording", "error"], guest.types[-2:])
        self.assertFalse(guest.is_recording)
        self.assertEqual([], list(self.service.statuses()))

    def test_the_longest_take(self) -> None:
        """It ends when it should have ended."""
        self.begin(Config(longest_take=10 * MINUTE))
        host, guest = self.recording()
        self.run_for(5 * MINUTE)
        self.kill(host, guest)
        self.back(host, guest)
        self.run_for(5 * MINUTE - 10_000)
        self.assertTrue(host.is_recording)
        self.run_for(10_000)
        self.assertFalse(host.is_recording or guest.is_recording)

    def test_the_cleanup(self) -> None:
        """The time that a session is kept counts from when it became empty."""
        host, guest = self.pair(LIBRARY_2, LIBRARY_2)
        host.hang_up()
        guest.hang_up()
        self.run_for(20 * MINUTE)
        self.kill()
        self.run_for(9 * MINUTE)
        self.assertEqual(1, len(self.service.statuses()))
        self.run_for(1 * MINUTE + 100)
        self.assertEqual([], list(self.service.statuses()))

    def test_clock_samples(self) -> None:
        """What was measured before is kept, and what is measured after is added."""
        host, guest = self.recording()
        (take_id,) = self.stage.store.take_ids
        before = list(self.stage.store.samples_of(take_id))
        self.kill(host, guest)
        self.back(host, guest)
        self.run_for(1_000)
        record = self.successResultOf(self.service.take(take_id))
        assert record is not None
        self.assertEqual(before, list(record.samples[: len(before)]))
        added = record.samples[len(before) :]
        self.assertEqual(
            {host.device_id: 1, guest.device_id: 1},
            {
                p.device_id: sum(s.device_id == p.device_id for s in added)
                for p in (host, guest)
            },
        )


class Numbers(Restart):
    """What protocol 2 was told, and what it asked."""

    def setUp(self) -> None:
        """Bring two phones together."""
        super().setUp()
        self.phones = self.pair(PROTOCOL_2, PROTOCOL_2)

    def last_seq(self, phone: Phone) -> int:
        """Return the number of the latest that a phone was told."""
        return max(int(message.get("seq", 0)) for message in phone.messages)

    def test_nothing_missed(self) -> None:
        """Who missed nothing is told so."""
        host, guest = self.phones
        self.kill(host, guest)
        self.back(host, lastSeq=self.last_seq(host))
        self.assertTrue(host.last("joined")["recovered"])

    def test_recovered(self) -> None:
        """What a phone missed before the end follows its return, in order."""
        host, guest = self.phones
        guest.deaf = True
        seq = self.last_seq(guest)
        host.say("device_ready")
        host.tap_start()
        self.run_for(1_000)
        host.tap_stop()
        self.run_for(1_000)
        self.kill(host, guest)
        guest.deaf = False
        known = len(guest.messages)
        self.back(guest, lastSeq=seq)
        joined, *missed = [
            m for m in guest.messages[known:] if "time_sync" not in m["type"]
        ]
        self.assertEqual((True, seq), (joined["recovered"], joined["seq"]))
        types = [message["type"] for message in missed]
        self.assertEqual(
            ["readiness_update", "start_recording", "stop_recording"], types[:3]
        )
        numbers = [message["seq"] for message in missed]
        self.assertEqual(list(range(seq + 1, seq + 1 + len(missed))), numbers)
        self.assertFalse(guest.is_recording)

    def test_too_much_missed(self) -> None:
        """Who names a number that is not kept begins anew."""
        host, guest = self.phones
        self.kill(host, guest)
        self.back(host, lastSeq=10_000)
        self.assertFalse(host.last("joined")["recovered"])

    def test_a_start_asked_again(self) -> None:
        """A command that was carried out before is not carried out again."""
        host, guest = self.phones
        host.say("start_recording", commandId="1")
        self.run_for(1_000)
        host.say("stop_recording", commandId="2")
        self.run_for(1_000)
        self.kill(host, guest)
        self.back(host, guest)
        before = len(host.messages)
        host.say("start_recording", commandId="1")
        self.run_for(1_000)
        kinds = [message["type"] for message in host.messages[before:]]
        told = [kind for kind in kinds if "time_sync" not in kind]
        self.assertEqual(["stop_recording"], told)
        self.assertEqual(1, len(self.stage.store.take_ids))
        self.assertEqual(1, len(guest.all("start_recording")))

    def test_a_running_start_asked_again(self) -> None:
        """It is told its start again, and has its proof."""
        host, guest = self.phones
        host.say("start_recording", commandId="1")
        self.run_for(1_000)
        take_id = host.last("start_recording")["takeId"]
        self.kill(host, guest)
        self.back(host, guest)
        host.say("start_recording", commandId="1")
        self.run_for(1_000)
        self.assertEqual(take_id, host.last("start_recording")["takeId"])
        self.assertEqual([], host.all("error"))
        self.assertEqual(1, len(host.camera_calls))

    def test_in_numbers_without_a_gap(self) -> None:
        """Numbers go on where they were."""
        host, guest = self.phones
        self.kill(host, guest)
        for phone in self.phones:
            self.back(phone, lastSeq=self.last_seq(phone))
        guest.say("device_ready")
        host.tap_start()
        self.run_for(1_000)
        for phone in self.phones:
            numbers = [
                m["seq"] for m in phone.messages if "seq" in m and m["type"] != "joined"
            ]
            self.assertEqual(list(range(1, len(numbers) + 1)), numbers)
