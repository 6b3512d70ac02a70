"""What is known of how long cameras take."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from raydel.core.apps import App
from raydel.core.cameras import (
    AT_ONCE,
    LATEST,
    ON_FRAMES,
    SOONEST,
    CameraLatency,
    Latency,
    known_latency,
    timer_latency,
    written,
)

IPHONE = CameraLatency("iPhone15,2", Latency(350.0, 60.0))
ANY_IOS = CameraLatency("IOS-*", Latency(400.0, 80.0))


def hundredths(least: float, most: float) -> st.SearchStrategy[float]:
    """Draw numbers with two digits behind the point."""
    return st.integers(int(least * 100), int(most * 100)).map(lambda n: n / 100)


class Known(SynchronousTestCase):
    """Which of the known latencies is a device's."""

    def test_nothing_known(self) -> None:
        """Of a model that nobody told of, nothing is known."""
        self.assertIsNone(known_latency(["Pixel 9", "Left goal"], [IPHONE, ANY_IOS]))
        self.assertIsNone(known_latency([None, "Left goal"], []))

    def test_any_case(self) -> None:
        """Upper and lower case are one, and * stands for anything."""
        self.assertEqual(IPHONE.latency, known_latency(["IPHONE15,2"], [IPHONE]))
        self.assertEqual(ANY_IOS.latency, known_latency(["ios-HOST-ab12"], [ANY_IOS]))

    def test_model_before_name(self) -> None:
        """A model counts more than a name, and what was told first more than later."""
        names = ["iPhone15,2", "IOS-HOST-ab12"]
        self.assertEqual(IPHONE.latency, known_latency(names, [ANY_IOS, IPHONE]))
        every = CameraLatency("*", Latency(1.0, 1.0))
        self.assertEqual(every.latency, known_latency(names, [every, IPHONE]))
        self.assertEqual(ANY_IOS.latency, known_latency([None, names[1]], [ANY_IOS]))


class Timers(SynchronousTestCase):
    """What apps wait by."""

    def test_react_native(self) -> None:
        """Apps that wait by a timer wait for the next picture of the screen too."""
        waiting = {App.LIBRARY_2, App.SCREEN_2_OLD, App.SCREEN_2, App.SCREEN_3}
        for app in App:
            expected = ON_FRAMES if app in waiting else AT_ONCE
            self.assertEqual(expected, timer_latency(app), app)
        self.assertEqual((0.0, 16.7), (8.35 - ON_FRAMES.spread, ON_FRAMES.delay + 8.35))


class Written(SynchronousTestCase):
    """Latencies as an operator writes them."""

    @given(
        st.text(min_size=1).filter(lambda text: "\n" not in text and text.strip()),
        hundredths(SOONEST, LATEST),
        hundredths(0.0, LATEST),
        st.sampled_from(["±", "+-"]),
    )
    def test_read_back(
        self, model: str, delay: float, spread: float, sign: str
    ) -> None:
        """What is written is read, whatever the model is called."""
        text = f"{model}:{delay:.2f}{sign}{spread:.2f}"
        try:
            expected = CameraLatency(model.strip(), Latency(delay, spread))
            self.assertEqual(expected, written(text))
        except ValueError:
            self.assertFalse(model.isprintable())

    def test_not_like_that(self) -> None:
        """What is not written like that says how it is."""
        for text in ("", ":350±60", "Pixel", "Pixel:350", "Pixel:±6", "Pixel:1e3±6"):
            problem = self.assertRaises(ValueError, written, text)
            self.assertIn("as in iPhone15,2:350±60", str(problem))
        for text in ("P:-1000.1±0", "P:10001±0", "P:0±10000.5"):
            problem = self.assertRaises(ValueError, written, text)
            self.assertIn("from -1000 to 10000 ms", str(problem))
