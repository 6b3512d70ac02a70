"""Imports point down the list of layers, never up."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

import raydel

LAYERS: Final = (
    "twisted.plugins.raydel_plugin",
    "raydel.__main__",
    "raydel.cli",
    "raydel.bench.rounds",
    "raydel.bench.generator raydel.bench.climb raydel.bench.servers raydel.bench.apart",
    "raydel.bench.growth raydel.bench.loads raydel.bench.meter",
    "raydel.bench.crowd",
    "raydel.bench.dialling raydel.bench.limits",
    "raydel.bench",
    "raydel.sound",
    "raydel.media",
    "raydel.simulation.live raydel.simulation.grades",
    "raydel.simulation.starts raydel.simulation.longtakes raydel.simulation.served",
    "raydel.simulation.firstframes",
    "raydel.simulation.alignments",
    "raydel.simulation.figures raydel.simulation.stage raydel.simulation.recording",
    "raydel.simulation.trial raydel.simulation.handset",
    "raydel.simulation.wire",
    "raydel.simulation.virtualtime",
    "raydel.simulation",
    "raydel.virtualphone",
    "raydel.virtualcamera",
    "raydel.virtualwire",
    "raydel.client",
    "raydel.client.phone raydel.client.discovery",
    "raydel.client.cameras raydel.client.links raydel.client.memory",
    "raydel.client.machine raydel.client.addresses raydel.client.clock",
    "raydel.client.recordings",
    "raydel.client.reports",
    "raydel.client.outbox raydel.client.hearing raydel.client.trust",
    "raydel.client.wants",
    "raydel.client.takes",
    "raydel.doctor",
    "raydel.firewall raydel.listeners",
    "raydel.tap",
    "raydel.testing",
    "raydel.program",
    "raydel.options",
    "raydel.endpoints raydel.logs raydel.notify raydel.firewall raydel.advertise",
    "raydel.doctor",
    "raydel.addresses raydel.certificates raydel.listeners raydel.receiver",
    "raydel.web.site",
    "raydel.web.fastdoor",
    "raydel.web.upgrade raydel.web.rest",
    "raydel.web.rest.openapi",
    "raydel.web.rest.table raydel.web.rest.exports",
    "raydel.web.rest.takes",
    "raydel.web.rest.operations raydel.web.rest.sessions raydel.web.rest.commands",
    "raydel.web.rest.cameras",
    "raydel.web.rest.bodies raydel.web.rest.paths raydel.web.rest.query",
    "raydel.web.rest.waiting",
    "raydel.web.fastlane",
    "raydel.web.websocket raydel.web.request",
    "raydel.web.belongings",
    "raydel.web",
    "raydel.webhooks",
    "raydel.postman",
    "raydel.service",
    "raydel.lines raydel.connection raydel.retention",
    "raydel.cameracalls",
    "raydel.camerabook",
    "raydel.arrears raydel.deadlines",
    "raydel.roster",
    "raydel.line",
    "raydel.departures raydel.peerclock raydel.probing raydel.pulse",
    "raydel.countdown raydel.outbox",
    "raydel.store raydel.timebase",
    "raydel.interfaces raydel.threads",
    "raydel.export.formats",
    "raydel.export",
    "raydel.core.letters",
    "raydel.core.session",
    "raydel.core.turn raydel.core.fitness",
    "raydel.core.state",
    "raydel.core.matching",
    "raydel.core.evidence",
    "raydel.core.dialect raydel.core.codec raydel.core.manifest",
    "raydel.core.alignment",
    "raydel.core.waits",
    "raydel.core.alignlimits",
    "raydel.core.fileplaces",
    "raydel.core.filestarts",
    "raydel.core.fileclocks",
    "raydel.core.journal",
    "raydel.core.clockview",
    "raydel.core.clockfit",
    "raydel.core.clockrows",
    "raydel.core.schedule",
    "raydel.core.take raydel.core.timesync raydel.core.effects",
    "raydel.core.burst",
    "raydel.core.corridor",
    "raydel.core.kalman",
    "raydel.core.roundtrip raydel.core.events raydel.core.stream",
    "raydel.core.messages",
    "raydel.core.config raydel.core.startlatency",
    "raydel.core.cameras",
    "raydel.core.apps raydel.core.errors raydel.core.tokens",
    "raydel.core.kalman raydel.core.knots",
    "raydel.core.instants",
    "raydel.core.values",
    "raydel.core",
    "raydel",
)
"""From the top down; a package stands for those of its modules not named."""

RANKS: Final = {
    name: rank for rank, names in enumerate(LAYERS) for name in names.split()
}
PACKAGES: Final = RANKS.keys() - {"raydel", "raydel.core"}
ROOT: Final = Path(raydel.__file__).parent.parent
OUTSIDE_THE_CORE: Final = {"twisted", "autobahn", "klein", "zope", "treq", "asyncio"}


def module_name(path: Path) -> str:
    """Return the dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES: Final = {
    module_name(path): path
    for path in sorted([*ROOT.glob("raydel/**/*.py"), *ROOT.glob("twisted/**/*.py")])
}


def imports(module: str) -> Iterator[str]:
    """Return the modules that a module imports, wherever in its text."""
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else str(node.module)


def rank(module: str) -> int:
    """Return how far down a module stands, by the longest name that fits."""
    name = module
    while name and name not in RANKS:
        name = name.rpartition(".")[0]
    assert name in {module, *PACKAGES}, f"{module} stands nowhere in the list"
    return RANKS[name]


class Directions(SynchronousTestCase):
    """What may import what."""

    def test_never_up(self) -> None:
        """Each module imports only what stands at its height or below."""
        for module in MODULES:
            for imported in imports(module):
                if imported.split(".")[0] == "raydel":
                    up = f"{module} imports {imported}"
                    self.assertLessEqual(rank(module), rank(imported), up)

    def test_no_circles(self) -> None:
        """No module reaches itself through what it imports."""
        graph = {m: {i for i in imports(m) if i in MODULES} for m in MODULES}
        while leaves := {module for module, below in graph.items() if not below}:
            graph = {m: b - leaves for m, b in graph.items() if m not in leaves}
        self.assertEqual({}, graph)

    def test_the_list_is_up_to_date(self) -> None:
        """No layer names a module that is gone."""
        self.assertEqual([], [name for name in RANKS if name not in MODULES])

    def test_the_core_is_pure(self) -> None:
        """The core knows no socket, no reactor, no web and no log."""
        for module in MODULES:
            if module.startswith("raydel.core"):
                tops = {imported.split(".")[0] for imported in imports(module)}
                self.assertEqual(set(), tops & OUTSIDE_THE_CORE, module)
                self.assertEqual(set(), tops & {"time", "socket", "logging"}, module)
