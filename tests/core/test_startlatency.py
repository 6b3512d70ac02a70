"""How late cameras are, as it is learned."""

from __future__ import annotations

from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.cameras import Latency
from raydel.core.startlatency import (
    EARLIEST,
    FAR,
    KEPT,
    LATEST,
    NO_MODEL,
    Camera,
    ModelLatency,
    latency_of,
    model_latency,
    observed,
)

NOON = 1_768_478_400_000.0
NEW = Camera("app-1", "Pixel 9")
NEAR = 40.0
"""ms around a camera's own latency within which the starts of these tests are."""

levels = st.floats(-100, LATEST - NEAR)
jitters = st.floats(-NEAR, NEAR)
numbers = st.floats(allow_nan=False)
sane = st.floats(EARLIEST, LATEST)


def learned(
    *latencies: float, cold: bool = False, camera: Camera = NEW, model: str = "Pixel 9"
) -> Camera:
    """Return a camera with some starts more, oldest first."""
    for latency in latencies:
        camera = observed(camera, latency, cold=cold, model=model, now=NOON)
    return camera


def delay(
    camera: Camera | None, model: ModelLatency = NO_MODEL, *, cold: bool = False
) -> float:
    """Return how late a camera is said to be."""
    return latency_of(camera, model, cold=cold).delay


class Learning(SynchronousTestCase):
    """One installation, and what it reports."""

    def test_nothing_known(self) -> None:
        """An unknown camera is asked to start on time, and may be far off that."""
        self.assertEqual(Latency(0.0, 1_600.0), latency_of(None, NO_MODEL, cold=True))
        self.assertEqual(Latency(0.0, 1_600.0), latency_of(NEW, NO_MODEL, cold=False))

    def test_one_take(self) -> None:
        """One report is enough to ask for the next start earlier."""
        camera = learned(310.0)
        self.assertEqual(Camera("app-1", "Pixel 9", (310.0,), (), NOON), camera)
        self.assertEqual(310.0, delay(camera))

    def test_mean(self) -> None:
        """Starts that agree are averaged."""
        self.assertEqual(300.0, delay(learned(280.0, 330.0, 290.0)))

    @given(st.lists(numbers, max_size=40), st.booleans())
    def test_nonsense(self, latencies: list[float], cold: bool) -> None:
        """What no camera does is ignored, and only so much is kept of the rest."""
        camera = learned(*latencies, cold=cold)
        kept = camera.starts(cold=cold)
        sound = [each for each in latencies if EARLIEST <= each <= LATEST]
        self.assertEqual(tuple(sound[len(sound) - len(kept) :]), kept)
        self.assertLessEqual(len(kept), KEPT)
        self.assertEqual((), camera.starts(cold=not cold))

    def test_nan(self) -> None:
        """A number that is none is ignored."""
        self.assertEqual(NEW, learned(float("nan")))

    @given(st.lists(sane, min_size=1, max_size=40), st.booleans())
    def test_within(self, latencies: list[float], cold: bool) -> None:
        """What is learned lies within what was seen, and is never said to be sure."""
        found = latency_of(learned(*latencies, cold=cold), NO_MODEL, cold=cold)
        self.assertLessEqual(min(latencies) - 1e-6, found.delay)
        self.assertLessEqual(found.delay, max(latencies) + 1e-6)
        self.assertLess(0.0, found.spread)

    def test_spread(self) -> None:
        """After some takes the spread covers 19 of 20 of the next starts."""
        random = Random(7)  # noqa: S311 - nothing to guess
        covered = 0
        for _ in range(1_000):
            camera = learned(*(random.gauss(300.0, 30.0) for _ in range(8)))
            found = latency_of(camera, NO_MODEL, cold=False)
            covered += abs(random.gauss(300.0, 30.0) - found.delay) <= found.spread
        self.assertLess(930, covered)
        self.assertLess(covered, 980)


class Outliers(SynchronousTestCase):
    """A hiccup does not spoil what was learned."""

    @given(levels, st.lists(jitters, min_size=3, max_size=15), sane, st.integers(0, 14))
    def test_one(
        self, level: float, others: list[float], hiccup: float, place: int
    ) -> None:
        """One start that is off by whatever it likes moves it by a few ms, or not."""
        starts = [level + each for each in others]
        starts.insert(min(place, len(starts)), hiccup)
        found = delay(learned(*starts))
        self.assertLessEqual(abs(found - level), NEAR + 2 * FAR / len(starts))

    def test_far_off(self) -> None:
        """A camera that hangs for 1.5 s once moves it not at all."""
        starts = [300.0, 310.0, 290.0, 300.0]
        for place in range(5):
            spoiled = [*starts[:place], 1_800.0, *starts[place:]]
            self.assertEqual(300.0, delay(learned(*spoiled)), spoiled)

    def test_of_two(self) -> None:
        """Of two that contradict each other the earlier counts: hiccups are late."""
        self.assertEqual(300.0, delay(learned(300.0, 1_800.0)))
        self.assertEqual(300.0, delay(learned(1_800.0, 300.0)))

    def test_the_very_first(self) -> None:
        """The first of an installation is believed if its model does not deny it."""
        model = ModelLatency(warm=Latency(300.0, 60.0))
        self.assertEqual(300.0, delay(learned(1_800.0), model))
        self.assertEqual(310.0, delay(learned(320.0), model))
        self.assertEqual(1_800.0, delay(learned(1_800.0)))

    def test_another_than_its_model(self) -> None:
        """Two that agree count more than all others of the model."""
        model = ModelLatency(warm=Latency(300.0, 60.0))
        self.assertEqual(605.0, delay(learned(600.0, 610.0), model))


class Changes(SynchronousTestCase):
    """What lasts is followed."""

    @given(
        levels,
        levels,
        st.lists(jitters, max_size=20),
        st.tuples(jitters, jitters, jitters),
    )
    def test_after_three(
        self,
        old: float,
        new: float,
        before: list[float],
        after: tuple[float, float, float],
    ) -> None:
        """Three takes after an update of the phone its new latency is known."""
        assume(abs(new - old) > 6 * NEAR)
        camera = learned(*(old + each for each in before))
        camera = learned(*(new + each for each in after), camera=camera)
        self.assertEqual(tuple(new + each for each in after), camera.warm)
        self.assertLessEqual(abs(delay(camera) - new), NEAR + 1e-6)

    def test_two_are_not_enough(self) -> None:
        """Two hiccups in a row, and one after the next take, change nothing."""
        camera = learned(*[300.0] * 8, 1_500.0, 1_520.0)
        self.assertEqual(300.0, delay(camera))
        self.assertEqual(300.0, delay(learned(300.0, 1_500.0, camera=camera)))

    def test_they_have_to_agree(self) -> None:
        """Three hiccups that contradict each other change nothing either."""
        self.assertEqual(300.0, delay(learned(*[300.0] * 8, 1_500.0, 2_200.0, 900.0)))

    def test_chance_is_no_change(self) -> None:
        """As long as nothing changes, nothing is forgotten, as a rule."""
        random = Random(1)  # noqa: S311 - nothing to guess
        camera = learned(*(random.gauss(300.0, 30.0) for _ in range(200)))
        self.assertEqual(KEPT, len(camera.warm))

    def test_another_model(self) -> None:
        """An installation that moves to another phone begins anew."""
        camera = learned(310.0, camera=learned(700.0, cold=True))
        moved = learned(90.0, camera=camera, model="iPhone15,2")
        self.assertEqual(Camera("app-1", "iPhone15,2", (90.0,), (), NOON), moved)

    def test_nonsense_moves_nobody(self) -> None:
        """A report that is ignored is ignored with its model."""
        camera = learned(310.0)
        self.assertEqual(camera, learned(9_000.0, camera=camera, model="iPhone15,2"))


class Kinds(SynchronousTestCase):
    """Warm and cold starts."""

    def test_apart(self) -> None:
        """Each kind is learned by itself."""
        camera = learned(700.0, 710.0, cold=True, camera=learned(300.0, 310.0))
        self.assertEqual(305.0, delay(camera))
        self.assertEqual(705.0, delay(camera, cold=True))

    def test_the_other_kind(self) -> None:
        """Where one was never seen, the other is the guess: and no more than that."""
        warm, cold = learned(300.0), learned(700.0, cold=True)
        self.assertEqual(Latency(300.0, 1_300.0), latency_of(warm, NO_MODEL, cold=True))
        self.assertEqual(Latency(700.0, 900.0), latency_of(cold, NO_MODEL, cold=False))

    def test_with_the_difference(self) -> None:
        """Where the model knows how they differ, it is that much off the other."""
        model = model_latency([learned(650.0, cold=True, camera=learned(250.0))])
        self.assertEqual(400.0, model.difference)
        self.assertEqual(675.0, delay(learned(300.0), model, cold=True))
        self.assertEqual(275.0, delay(learned(700.0, cold=True), model))

    @given(st.lists(sane, min_size=1), st.booleans())
    def test_guesses_are_less_sure(self, latencies: list[float], cold: bool) -> None:
        """A kind that was guessed is never said to be surer than the one that was seen.

        As long as what was seen is something that cameras do.
        """
        camera = learned(*(max(-100.0, min(each, 700.0)) for each in latencies))
        camera = observed(camera, 300.0, cold=cold, model="Pixel 9", now=NOON)
        seen = latency_of(camera, NO_MODEL, cold=False)
        guessed = latency_of(
            Camera("app-1", "Pixel 9", camera.warm), NO_MODEL, cold=True
        )
        if camera.warm:
            self.assertLess(seen.spread, guessed.spread)


class Models(SynchronousTestCase):
    """What installations say of their model."""

    def test_nobody(self) -> None:
        """Without an installation nothing is known."""
        self.assertEqual(NO_MODEL, model_latency([]))
        self.assertEqual(ModelLatency(installations=1), model_latency([NEW]))

    def test_median(self) -> None:
        """One phone that is unlike all others of its model decides nothing."""
        model = model_latency([learned(each) for each in (280.0, 300.0, 1_400.0)])
        self.assertEqual((3, 300.0), (model.installations, delay(None, model)))
        self.assertIsNone(model.cold)
        self.assertIsNone(model.difference)

    def test_how_unsure(self) -> None:
        """The spread reaches as far as the installations lie from each other."""
        model = model_latency([learned(each) for each in (200.0, 300.0, 460.0)])
        self.assertLess(160.0, latency_of(None, model, cold=False).spread)

    def test_the_other_kind(self) -> None:
        """Where only one kind of starts was ever seen, it is the guess for both."""
        model = model_latency([learned(300.0)])
        self.assertEqual(Latency(300.0, 1_300.0), latency_of(None, model, cold=True))

    def test_differences(self) -> None:
        """Cold and warm starts are compared phone by phone."""
        cameras = [
            learned(500.0, cold=True, camera=learned(200.0)),
            learned(800.0, cold=True, camera=learned(400.0)),
            learned(1_500.0, cold=True),
        ]
        self.assertEqual(350.0, model_latency(cameras).difference)
