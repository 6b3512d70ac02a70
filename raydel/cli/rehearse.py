"""``python -m raydel rehearse``: two played phones record a take and make its clips."""

from __future__ import annotations

import os
import secrets
import shlex
import string
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from raydel.cli.actors import GUEST, HOST, PATIENCE, Actor
from raydel.cli.filming import lacks, names_like
from raydel.cli.parser import Parser
from raydel.cli.phone_options import add_server, duration
from raydel.simulation.live.notes import Unfinished
from raydel.virtualphone import VirtualPhone

SETTLING: Final = 2.5
"""Seconds from the second join to the tap: a person is no faster."""

SLOWNESS: Final = 3.0
"""Seconds that a second of a clip may take, on a slow machine."""

LONGEST: Final = 600.0
"""Seconds of a take: ten minutes of flashes are enough for anybody."""

_LETTERS: Final = string.ascii_uppercase + string.digits

_HELP: Final = """\
Plays a whole take against a running server, which ./serve starts: two phones join,
somebody taps start, both film, somebody taps stop. Then there are two video files, as
two phones in one room would have made them, and a take that the server knows:

  python -m raydel rehearse

The phones' clocks are a minute apart, one runs fast and the other slow, and no camera
begins when it is called: all that makes two clips hard to lay side by side. In both
there is a flash and a beep at each whole second, and a bar that runs across: so
everybody can see, and hear, whether they are in step.

Needs ffmpeg. At its end it says what to do with the clips.
"""


def main(arguments: Sequence[str]) -> None:
    """Play a take, and make its clips.

    Args:
        arguments: The options.

    Raises:
        SystemExit: It could not be played to its end, or an option makes no sense.
    """
    parser = _parser()
    if any(word in ("-h", "--help") for word in arguments):
        parser.print_help()
        return
    from twisted.internet import reactor

    asked = parser.parse_args(arguments)
    if missing := lacks():
        raise SystemExit(f"raydel: {missing}")
    directory = next(path for path in names_like(asked.into) if not path.exists())
    try:
        directory.mkdir(parents=True)
    except OSError as problem:
        raise SystemExit(f"raydel: {directory}: {problem.strerror}") from None
    rehearsal = Rehearsal(reactor, asked.url, asked.ca, directory, asked.seconds)
    print(
        f"Two played phones film {asked.seconds:g} s, with clocks a minute apart; the"
        f" clips go to {directory}{os.sep}\n",
        flush=True,
    )
    if trouble := rehearsal.run():
        raise SystemExit(f"raydel: {trouble}")
    print(farewell(rehearsal.take_id, rehearsal.clips, asked.url))


def _parser() -> Parser:
    parser = Parser("rehearse", _HELP)
    add_server(parser, "ws://127.0.0.1:3001/sync")
    parser.add_argument(
        "--seconds",
        metavar="SECONDS",
        type=_seconds,
        default=10.0,
        help="how long they film [default: 10]",
    )
    parser.add_argument(
        "--into",
        metavar="DIRECTORY",
        type=Path,
        default=Path("rehearsal"),
        help="where the clips go; if it is there already, the next free name with a"
        " number [default: %(default)s]",
    )
    return parser


def _seconds(text: str) -> float:
    if 1 <= (seconds := duration(text)) <= LONGEST:
        return seconds
    raise ArgumentTypeError(f"{text!r} is not from 1 to {LONGEST:g} seconds")


def farewell(take_id: str, clips: Sequence[Path], url: str) -> str:
    """Say what there is now, and what can be done with it.

    Args:
        take_id: The take's id.
        clips: Its files.
        url: Where the server is.
    """
    files = " ".join(shlex.quote(str(clip)) for clip in clips)
    python = _python()
    at = "" if ":3001/" in url and "127.0.0.1" in url else f" --url={rest(url)}"
    return f"""
There are two clips of take {take_id} now. How they lie to each other, and
how well that is known:

  {python} -m raydel align {files}{at}

Both side by side, in step, in one video:

  {python} -m raydel export ffmpeg {files}{at} --run
"""


def rest(url: str) -> str:
    """Return where a server's REST is: on the same port."""
    return url.replace("ws", "http", 1).removesuffix("/sync")


def _python() -> str:
    """Return what this Python is called from here."""
    path = Path(sys.executable)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return shlex.quote(str(path))


class Rehearsal:
    """A take of two played phones.

    Args:
        reactor: What everything runs on; it has not run yet.
        url: Of the server.
        authority: Whom to trust for ``wss``; None for those the system trusts.
        directory: Where the clips go.
        seconds: How long both film.
    """

    def __init__(
        self,
        reactor: Any,
        url: str,
        authority: Any | None,
        directory: Path,
        seconds: float,
    ) -> None:
        code = "".join(secrets.choice(_LETTERS) for _ in range(6))
        self._reactor = reactor
        self._seconds = seconds
        self._is_on = False  # Whether the take may run.
        self._is_over = False
        self._is_interrupted = False
        self._trouble = ""
        self._host, self._guest = self._actors = [
            Actor(reactor, part, code, url, authority, directory / f"{part.role}.mp4")
            for part in (HOST, GUEST)
        ]
        self._directory = directory

    @property
    def take_id(self) -> str:
        """The take's id."""
        return self._host.phone.take_id

    @property
    def clips(self) -> list[Path]:
        """Its files."""
        return [actor.clip for actor in self._actors]

    def run(self) -> str:
        """Run until all is done; return what was in the way, or nothing."""
        # The reactor's own clock jumps when somebody sets the computer's.
        self._reactor.seconds = time.monotonic
        self._reactor.callWhenRunning(self._begin)
        self._reactor.run()
        if self._trouble and not any(self._directory.iterdir()):
            self._directory.rmdir()
        return self._trouble

    def _begin(self) -> None:
        playing = Deferred.fromCoroutine(self._play())
        self._reactor.addSystemEventTrigger(
            "before", "shutdown", self._interrupt, playing
        )
        playing.addErrback(self._note)
        playing.addCallback(self._stop)

    def _stop(self, _: object) -> None:
        self._is_over = True
        if not self._is_interrupted:
            self._reactor.stop()

    def _interrupt(self, playing: Deferred[None]) -> Deferred[None] | None:
        if self._is_over:
            return None
        self._is_interrupted = True
        playing.cancel()
        return playing

    def _note(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            self._trouble = "interrupted; the take was stopped, and there are no clips"
        elif failure.check(Unfinished):
            self._trouble = failure.getErrorMessage()
        else:  # A mistake of ours; it must not keep the program from ending.
            self._trouble = failure.getTraceback()

    async def _play(self) -> None:
        try:
            await self._record()
            await self._file()
        finally:
            await self._part()

    async def _record(self) -> None:
        host, guest = self._actors
        await host.join()
        await guest.join()
        await self._both(lambda phone: phone.is_in_company, "only one phone is there")
        await self._both(lambda phone: phone.knows_its_clock, "no clock was measured")
        await self._pause(SETTLING)
        self._is_on = True
        host.press("start")
        await self._both(lambda phone: phone.is_filming, "no camera began")
        await self._pause(self._seconds)
        guest.press("stop")
        await self._both(lambda phone: not phone.is_filming, "no camera was stopped")
        self._is_on = False

    async def _file(self) -> None:
        patience = PATIENCE + SLOWNESS * self._seconds
        for actor in self._actors:
            await actor.until(partial(_is_idle, actor), "a clip was not made", patience)
            if not actor.has_clip:
                raise Unfinished("a clip was not made; the lines above say why")
        await self._both(
            lambda phone: phone.is_settled,
            "the clips are there, but the server has not confirmed the reports on them",
        )

    async def _part(self) -> None:
        """Leave; where it went wrong, let no take run on."""
        if self._is_on:
            self._host.press("stop")
        for actor in (self._guest, self._host):
            await actor.leaves()

    async def _both(self, holds: Callable[[VirtualPhone], bool], lacking: str) -> None:
        for actor in self._actors:
            await actor.until(partial(holds, actor.phone), lacking)

    def _pause(self, seconds: float) -> Deferred[None]:
        return deferLater(self._reactor, seconds, lambda: None)


def _is_idle(actor: Actor) -> bool:
    return actor.is_idle
