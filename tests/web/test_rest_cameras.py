"""The REST call about cameras, over a stub agent."""

from __future__ import annotations

from typing import Any

from raydel.core.startlatency import Camera, latency_of, model_latency
from raydel.testing import EPOCH
from tests.web.test_rest import RestTestCase

LEARNED = (
    Camera("app-3", "Pixel 9", (300.0, 310.0), (700.0,), EPOCH + 3.00049),
    Camera("app-2", None, (), (-120.0,), EPOCH + 2),
    Camera("app ü", "Pixel 9", (340.0,), (), EPOCH + 1),
)


class CameraTests(RestTestCase):
    """Three installations, two of them of one model."""

    def setUp(self) -> None:
        """Have them known."""
        super().setUp()
        self.sessions.learned = list(LEARNED)

    def cameras(self, query: str = "") -> dict[str, Any]:
        """Ask for them."""
        status, value = self.answer("GET", f"/api/cameras{query}")
        self.assertEqual(200, status)
        found: dict[str, Any] = value
        return found

    def test_shape(self) -> None:
        """Each has what was learned of both kinds of starts, and how sure that is."""
        model = model_latency([LEARNED[0], LEARNED[2]])
        warm = latency_of(LEARNED[0], model, cold=False)
        cold = latency_of(LEARNED[0], model, cold=True)
        expected = {
            "installationId": "app-3",
            "model": "Pixel 9",
            "lastSeenAt": EPOCH + 3.0,
            "warm": {
                "observations": 2,
                "delay": round(warm.delay, 3),
                "spread": round(warm.spread, 3),
            },
            "cold": {
                "observations": 1,
                "delay": round(cold.delay, 3),
                "spread": round(cold.spread, 3),
            },
        }
        self.assertEqual(expected, self.cameras()["cameras"][0])

    def test_a_guess(self) -> None:
        """What was never seen is what the server would guess, and says so."""
        _, second, third = self.cameras()["cameras"]
        self.assertEqual(
            {"observations": 0, "delay": -120.0, "spread": 1_720.0}, second["warm"]
        )
        self.assertEqual(0, third["cold"]["observations"])
        # 340 and what the other one of its model is later when it is cold.
        self.assertGreater(third["cold"]["delay"], 700.0)

    def test_models(self) -> None:
        """Each model is there once, with what its installations say; no name, none."""
        model = model_latency([LEARNED[0], LEARNED[2]])
        assert model.warm is not None
        assert model.cold is not None
        expected = {
            "model": "Pixel 9",
            "installations": 2,
            "warm": {
                "delay": round(model.warm.delay, 3),
                "spread": round(model.warm.spread, 3),
            },
            "cold": {
                "delay": round(model.cold.delay, 3),
                "spread": round(model.cold.spread, 3),
            },
        }
        self.assertEqual([expected], self.cameras()["models"])

    def test_half_known(self) -> None:
        """A kind of starts that no phone of a model did is null."""
        self.sessions.learned = [LEARNED[2]]
        (model,) = self.cameras()["models"]
        self.assertIsNone(model["cold"])

    def test_none(self) -> None:
        """As long as nothing is known, nothing is listed."""
        self.sessions.learned = []
        self.assertEqual({"cameras": [], "models": [], "next": None}, self.cameras())

    def test_pages(self) -> None:
        """Page by page, each camera is shown once, and the last page says so."""
        first = self.cameras("?limit=2")
        self.assertEqual("app-2", first["next"])
        rest = self.cameras(f"?limit=2&before={first['next']}")
        self.assertIsNone(rest["next"])
        names = [each["installationId"] for each in first["cameras"] + rest["cameras"]]
        self.assertEqual([each.installation_id for each in LEARNED], names)

    def test_any_name(self) -> None:
        """An app may call its installation what it likes."""
        self.assertEqual([], self.cameras("?before=app+%C3%BC")["cameras"])
        self.assertEqual([], self.cameras("?before=nobody")["cameras"])

    def test_limits(self) -> None:
        """Fifty are listed where nobody says, and two hundred at most."""
        self.sessions.learned = [Camera(f"{n}", None, (1.0,)) for n in range(300)]
        for query, count in (("", 50), ("?limit=200", 200)):
            self.assertEqual(count, len(self.cameras(query)["cameras"]))
        for query in ("?limit=201", "?limit=0", "?limit=1&limit=1", "?model=Pixel"):
            status, _ = self.answer("GET", f"/api/cameras{query}")
            self.assertEqual(400, status, query)
