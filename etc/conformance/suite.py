# noqa: INP001 - a script beside the rig it runs, in no package.
"""Runs Autobahn|Testsuite against the rig in `echo.py`, and judges what it found.

``python etc/conformance/suite.py <wstest> <rig>...`` runs the named rigs in turn, as
they stand in `RIGS`. It ends with 1 unless each case there is was
run, ended as the standard wants it or is marked as informational, and was closed as
the standard wants it. `etc/conformance/run` installs what it needs, and calls it.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from raydel.certificates.authority import issue, new_authority

HERE: Final = Path(__file__).resolve().parent
REPORTS: Final = HERE.parents[1] / "reports" / "conformance"
HOST: Final = "127.0.0.1"
AGENT: Final = "Raydel"
PATIENCE: Final = 15.0
"""Seconds until the rig has to listen, on a busy machine."""

PASSED: Final = frozenset(("OK", "INFORMATIONAL"))
"""Not so NON-STRICT, UNIMPLEMENTED, WRONG CODE, UNCLEAN, FAILED BY CLIENT, FAILED."""

SIZES: Final = {
    "1": ("Framing", 16),
    "2": ("Pings and pongs", 11),
    "3": ("Reserved bits", 7),
    "4": ("Opcodes", 10),
    "5": ("Fragmentation", 20),
    "6": ("UTF-8", 145),
    "7": ("Closing", 37),
    "9": ("Limits, speed", 54),
    "10": ("Miscellaneous", 1),
    "12": ("Compression", 90),
    "13": ("Its parameters", 126),
}
"""The groups of the suite, and how many cases each has; there are no 8 and 11.

A connection that fails makes the suite stop early and call that a success, so the
cases are counted.
"""

BASIC: Final = ("1", "2", "3", "4", "5", "6", "7", "9", "10")

WITHIN_LIMITS: Final = ("2", "3", "4", "5", "6", "7")
"""Those that send no more than a phone may."""


class Rig(NamedTuple):
    """One way to run the server, and what is tried on it.

    Attributes:
        name: What it is called, on the command line and among the reports.
        port: How it listens; ``{}`` is the port.
        scheme: How the suite reaches it.
        groups: The groups of cases.
        patience: Seconds that all of them may take.
        options: More options of the rig.
    """

    name: str
    port: str
    scheme: str
    groups: Sequence[str]
    patience: float
    options: Sequence[str] = ()

    @property
    def reports(self) -> Path:
        """Where its reports are."""
        return REPORTS / self.name


_TCP: Final = f"tcp:{{}}:interface={HOST}"
_TLS: Final = f"tls:{{}}:interface={HOST}"
_CERTIFICATES: Final = "--certificates=."
_LIBRARY: Final = "--wire=library"

RIGS: Final = {
    rig.name: rig
    for rig in (
        Rig("unchanged", _TCP, "ws", WITHIN_LIMITS, 600.0),
        Rig("unchanged-tls", _TLS, "wss", WITHIN_LIMITS, 600.0, (_CERTIFICATES,)),
        Rig("lenient", _TCP, "ws", BASIC, 600.0, ("--lenient",)),
        Rig("lenient-tls", _TLS, "wss", BASIC, 600.0, ("--lenient", _CERTIFICATES)),
        Rig("unchanged-library", _TCP, "ws", WITHIN_LIMITS, 600.0, (_LIBRARY,)),
        Rig("lenient-library", _TCP, "ws", BASIC, 600.0, ("--lenient", _LIBRARY)),
        Rig("compression", _TCP, "ws", ("12", "13"), 7200.0, ("--compression",)),
    )
}


class Case(NamedTuple):
    """How one case ended.

    Attributes:
        number: Its number, as in 6.12.8.
        behavior: What the suite says of the messages.
        closing: What it says of the end.
    """

    number: str
    behavior: str
    closing: str

    @property
    def group(self) -> str:
        """The group it belongs to."""
        return self.number.partition(".")[0]

    @property
    def passed(self) -> bool:
        """Whether all of it is as it should be."""
        return {self.behavior, self.closing} <= PASSED


def main(wstest: str, names: Sequence[str]) -> int:
    """Run the rigs and say how it went; return the exit code."""
    say(versions(wstest))
    failed = [name for name in names if not runs(RIGS[name], wstest)]
    return 1 if failed else 0


def runs(rig: Rig, wstest: str) -> bool:
    """Run one rig; return whether it passed."""
    shutil.rmtree(rig.reports, ignore_errors=True)
    rig.reports.mkdir(parents=True)
    began = time.monotonic()
    with TemporaryDirectory() as folder, echoing(rig, Path(folder)) as port:
        say(f"\n== {rig.name}: {rig.scheme}://{HOST}:{port}/sync")
        ended = asked(rig, port, Path(folder), wstest)
    took = time.monotonic() - began
    cases = results(rig.reports)
    problems = [*ended, *wrong(cases, rig.groups), *trouble(rig.reports / "echo.log")]
    say(table(cases, rig.groups))
    for problem in problems:
        say(f"  {problem}")
    say(f"{'FAILED' if problems else 'passed'} in {took:.0f} s: {shown(rig.reports)}")
    return not problems


# The two programs.


@contextmanager
def echoing(rig: Rig, home: Path) -> Iterator[int]:
    """Run the server, from when it listens until the end of the block."""
    with_certificate(home)
    port = free_port()
    command = [sys.executable, str(HERE / "echo.py"), *rig.options]
    command.append(f"--port={rig.port.format(port)}")
    with (
        (rig.reports / "echo.log").open("wb") as log,
        subprocess.Popen(command, cwd=home, stdout=log, stderr=log) as process,  # noqa: S603
    ):
        try:
            wait_for(port, process)
            yield port
        finally:
            process.terminate()


def asked(rig: Rig, port: int, home: Path, wstest: str) -> list[str]:
    """Run the suite; return what is wrong with how it ended."""
    spec = home / "spec.json"
    spec.write_text(json.dumps(specification(rig, port)), encoding="utf-8")
    command = [wstest, "--mode", "fuzzingclient", "--spec", str(spec)]
    with (rig.reports / "wstest.log").open("wb") as log:
        try:
            subprocess.run(  # noqa: S603
                command, check=True, stdout=log, stderr=log, timeout=rig.patience
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as problem:
            return [f"the suite itself: {problem}"]
    return []


def specification(rig: Rig, port: int) -> dict[str, object]:
    """Say to the suite what to try, and where."""
    return {
        "outdir": str(rig.reports),
        "servers": [{"agent": AGENT, "url": f"{rig.scheme}://{HOST}:{port}/sync"}],
        "cases": [f"{group}.*" for group in rig.groups],
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }


def with_certificate(home: Path) -> None:
    """Make a certificate for this run."""
    pair = issue(new_authority("Raydel's conformance run"), [HOST])
    (home / "rig.pem").write_bytes(pair.certificate_pem + pair.key_pem)


def free_port() -> int:
    """Return the number of a port that nobody has."""
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the rig listens."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("raydel: the rig does not listen; its log is among the reports")


# What they found.


def results(reports: Path) -> list[Case]:
    """Read how the cases ended; none, if the suite wrote nothing."""
    try:
        text = (reports / "index.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    found = json.loads(text).get(AGENT, {})
    return [
        Case(number, each["behavior"], each["behaviorClose"])
        for number, each in found.items()
    ]


def wrong(cases: Collection[Case], groups: Sequence[str]) -> list[str]:
    """Say which cases did not pass, and how many are not there."""
    found = [
        f"case {case.number}: {case.behavior}, its end: {case.closing}"
        for case in sorted(cases, key=_in_order)
        if not case.passed
    ]
    counts = Counter(case.group for case in cases)
    for group in groups:
        name, size = SIZES[group]
        if counts[group] != size:
            found.append(f"{counts[group]} of {size} cases were run: {group}, {name}")
    return found


def trouble(log: Path) -> list[str]:
    """Say if the server stumbled, whatever its peers noticed of that."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    bad = [line for line in lines if re.search(r"Traceback| (error|critical) ", line)]
    return [f"the server's log: {line}" for line in bad[:5]]


def table(cases: Collection[Case], groups: Sequence[str]) -> str:
    """Count the cases of each group by how they ended."""
    row = "{:>5}  {:<16}{:>6}{:>6}{:>15}{:>12}".format
    lines = [row("group", "", "cases", "OK", "INFORMATIONAL", "not passed")]
    total: Counter[str] = Counter()
    for group in groups:
        counts = tally(case for case in cases if case.group == group)
        total += counts
        lines.append(row(group, SIZES[group][0], *_cells(counts)))
    return "\n".join([*lines, row("", "all", *_cells(total))])


def tally(cases: Iterator[Case]) -> Counter[str]:
    """Count cases by the worse of their two ends."""
    return Counter(
        "not passed"
        if not case.passed
        else "INFORMATIONAL"
        if "INFORMATIONAL" in case
        else "OK"
        for case in cases
    )


def _cells(counts: Mapping[str, int]) -> list[int]:
    kinds = ("OK", "INFORMATIONAL", "not passed")
    return [sum(counts.values()), *(counts.get(kind, 0) for kind in kinds)]


def _in_order(case: Case) -> list[int]:
    return [int(part) for part in case.number.split(".")]


def versions(wstest: str) -> str:
    """Say what was tried with what."""
    told = subprocess.run(  # noqa: S603
        [wstest, "--autobahnversion"], capture_output=True, check=True, text=True
    ).stdout
    suite = re.findall(r"^AutobahnTestSuite (\S+)", told, re.MULTILINE)
    ours = [f"{name} {version(name)}" for name in ("raydel", "autobahn", "twisted")]
    python = f"Python {python_version()}"
    return ", ".join([*ours, python, f"Autobahn|Testsuite {suite[0]}"])


def shown(reports: Path) -> str:
    """Name the page to read, from the top of the clone."""
    return str((reports / "index.html").relative_to(HERE.parents[1]))


def say(text: str) -> None:
    """Print, at once: the whole takes its time."""
    print(text, flush=True)  # noqa: T201 - what it is run for


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
