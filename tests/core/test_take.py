"""A take as a value."""

from __future__ import annotations

from msgspec import structs
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.take import MOST_ABSENTEES, Absentee, Owner, Participant, Take

HOST = Owner("host-id", True, "iPhone")
GUEST = Owner("guest-id", False, None, ("fingerprint",))
TAKE = Take(
    id="take",
    session_id="ABC123",
    accepted_at=0.0,
    start_at=250.0,
    initiator="host-id",
    participants=(
        Participant(HOST, "iPhone", App.LIBRARY_2),
        Participant(GUEST, "Device guest-id", App.SCREEN_3),
    ),
)


class Participants(SynchronousTestCase):
    """Who takes part."""

    def test_found_by_id(self) -> None:
        """A participant is found by its device id."""
        self.assertEqual(TAKE.participants[1], TAKE.participant("guest-id"))
        self.assertIsNone(TAKE.participant("stranger"))

    def test_a_proven_start(self) -> None:
        """A proof is noted for the one it is of."""
        proven = TAKE.with_participant("guest-id", start_proven=True).participants
        self.assertEqual([False, True], [p.start_proven for p in proven])
        unknown = TAKE.with_participant("stranger", start_proven=True)
        self.assertEqual(TAKE, unknown)

    def test_a_new_owner(self) -> None:
        """A new name is noted for the one it is of."""
        renewed = structs.replace(GUEST, said_name="Pixel")
        renamed = TAKE.with_participant("guest-id", owner=renewed)
        owners = [p.owner for p in renamed.participants]
        self.assertEqual([HOST, renewed], owners)


class Absentees(SynchronousTestCase):
    """Who does not."""

    def test_listed_once(self) -> None:
        """Whoever comes too late is listed, and only once."""
        late = Absentee("late-id", "Nokia", is_host=False)
        listed = TAKE.with_absentee(late)
        self.assertEqual((late,), listed.absent)
        self.assertIs(listed, listed.with_absentee(late))

    def test_not_without_end(self) -> None:
        """A phone that is another each time it comes back fills no store."""
        take = TAKE
        for number in range(MOST_ABSENTEES + 1):
            take = take.with_absentee(Absentee(f"{number}", "IOS-JOIN-ab12", False))
        self.assertEqual(MOST_ABSENTEES, len(take.absent))
        self.assertEqual("0", take.absent[0].device_id)
