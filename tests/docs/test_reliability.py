"""The reliability page: it promises what is tested, word for word."""

from __future__ import annotations

import re
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from raydel.core.config import Config
from raydel.core.instants import HOUR, MINUTE
from tests.docs import page
from tests.promises import PROMISES
from tests.rig.schedule import draw
from tests.rig.soak import USUAL
from tests.rig.test_rig import SEEDS

TEXT: Final = page("docs/reliability.md")


class ReliabilityTests(SynchronousTestCase):
    """What a club may rely on."""

    def test_promises(self) -> None:
        """It opens with every promise, in its words, and with no other."""
        opening = TEXT.partition("\n## ")[0]
        promised = re.findall(r"^- (.+)$", opening, re.MULTILINE)
        tested = [(each.__doc__ or "").strip() for each in PROMISES]
        self.assertEqual(tested, promised)

    def test_settings(self) -> None:
        """The durations are those that are in force."""
        self.assertEqual((4 * HOUR, 30 * MINUTE), (Config.longest_take, Config.cleanup))
        self.assertIn("`--longest-take`, four hours", TEXT)
        self.assertIn("30 minutes after the last phone has left (`--cleanup`)", TEXT)

    def test_runs(self) -> None:
        """As many runs are played, of as many acts, as it says."""
        self.assertIn("`./check` plays ten of them", TEXT)
        self.assertEqual(10, sum(map(len, SEEDS.values())))
        self.assertIn(f"`make soak` plays {USUAL} schedules", TEXT)
        acts = {len(draw(seed).acts) for seed in range(200)}
        self.assertEqual((3, 9), (min(acts), max(acts)))
