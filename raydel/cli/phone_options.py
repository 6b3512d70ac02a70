"""The options of ``python -m raydel phone``, and those that other commands share."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from autobahn.websocket.util import parse_url
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from twisted.internet.ssl import (
    Certificate,
    optionsForClientTLS,
    trustRootFromCertificates,
)

from raydel.cli.filming import clip
from raydel.cli.parser import Parser
from raydel.core.cameras import Latency
from raydel.core.tokens import session_code
from raydel.virtualcamera import PLAYED_LATENCY

LONGEST_MODEL: Final = 64
"""Characters."""

FASTEST: Final = 240.0
"""Frames a second, of any phone."""

WORST_DRIFT: Final = 1000.0
"""Millionths: ten times what the server takes for a clock."""

_LONGEST: Final = 1e12
"""Thirty years, in ms."""

_HELP: Final = """\
Plays a phone in this terminal. Start the server with ./serve, and in two more
terminals a host and a guest:

  python -m raydel phone ABC123 --host
  python -m raydel phone ABC123

Buttons are typed, then Enter: start, stop, ready, mark, film, quit; s, x, r, m, f, q
do too. Words behind mark name the instant; film joins a take that runs already. Both
phones start at one instant, whoever taps: compare the times of the lines. They are
this computer's, to the millisecond. Kill the server, or give a phone a clock that is
a minute fast, --clock=60000, and see that it does not matter.

Its camera takes a moment from the call to its first frame, as all do, and the phone
reports when that was. With --clip=FILE.mp4 it also makes the file that a camera would
have made: a flash and a beep at each whole second of this computer's time, and a bar
that moves with it. For two such clips at once see python -m raydel rehearse --help.
"""


def options() -> Parser:
    """Return what reads the options."""
    parser = Parser("phone", _HELP)
    add = parser.add_argument
    add("code", metavar="CODE", type=_code, help="of the session, such as ABC123")
    add("--host", action="store_true", help="make the session; a guest finds it")
    add_server(parser, "ws://localhost:3001/sync")
    add("--name", help="what people call it [default: Left goal, or Right goal]")
    add(
        "--model",
        metavar="NAME",
        type=_model,
        default="Played phone",
        help="what its maker calls it [default: %(default)s]",
    )
    _add_clock(parser)
    _add_camera(parser)
    add(
        "--for",
        metavar="SECONDS",
        dest="seconds",
        type=duration,
        default=0.0,
        help="put it away by itself after that",
    )
    return parser


def add_server(parser: Parser, url: str) -> None:
    """Have it ask where the server is, and whom to trust."""
    parser.add_argument(
        "--url",
        type=server_url,
        default=url,
        help="where the server is; wss:// too [default: %(default)s]",
    )
    parser.add_argument(
        "--ca",
        metavar="FILE",
        type=authority,
        help="for wss://, trust this authority, certificates/raydel-ca.crt for example,"
        " and not those of the system",
    )


def _add_clock(parser: Parser) -> None:
    parser.add_argument(
        "--clock",
        metavar="MS",
        type=_number,
        default=0.0,
        help="how far its clock is ahead of this computer's, or, with a minus, behind",
    )
    parser.add_argument(
        "--clock-drift",
        metavar="PPM",
        type=_drift,
        default=0.0,
        help="how much its clock runs fast, in millionths, or, with a minus, slow;"
        " phones have up to 20, which is 108 ms in a match",
    )


def _add_camera(parser: Parser) -> None:
    delay, spread = PLAYED_LATENCY.delay, PLAYED_LATENCY.spread
    parser.add_argument(
        "--camera-latency",
        metavar="MS±MS",
        type=latency,
        default=PLAYED_LATENCY,
        help="how long its camera takes from the call to the first frame, and how near"
        " that is 19 times of 20. It is this phone's truth: the server is not told, and"
        f" hears only when the first frame was [default: {delay:g}±{spread:g}]",
    )
    parser.add_argument(
        "--frame-rate",
        metavar="FPS",
        type=_frame_rate,
        default=30.0,
        help="frames a second [default: 30]",
    )
    parser.add_argument(
        "--clip",
        metavar="FILE.mp4",
        type=clip,
        help="make a file of each take, the second one FILE-2.mp4; no file that is"
        " there is touched. Needs ffmpeg",
    )


def _code(text: str) -> str:
    if code := session_code(text):
        return code
    raise ArgumentTypeError(f"{text!r} is no code: that is six letters or digits")


def server_url(text: str) -> str:
    """Read where a server is; `argparse` calls this.

    Raises:
        ArgumentTypeError: That is no such place.
    """
    with suppress(ValueError):
        _, host, _, path, *_ = parse_url(text)
        optionsForClientTLS(host)
        if host != "unix":
            return text.rstrip("/") + "/sync" if path == "/" else text
    raise ArgumentTypeError(f"{text!r} is not like ws://localhost:3001/sync")


def authority(file: str) -> Any:
    """Read whom to trust, from a file of certificates; `argparse` calls this.

    Raises:
        ArgumentTypeError: There is none in it.
    """
    try:
        found = x509.load_pem_x509_certificates(Path(file).read_bytes())
    except OSError as problem:
        raise ArgumentTypeError(f"{file}: {problem.strerror}") from None
    except ValueError:
        raise ArgumentTypeError(f"{file}: there is no certificate in it") from None
    pem = serialization.Encoding.PEM
    certificates = [Certificate.loadPEM(each.public_bytes(pem)) for each in found]
    return trustRootFromCertificates(certificates)


def latency(text: str) -> Latency:
    """Read how long something takes, as ``300±30``; `argparse` calls this.

    Raises:
        ArgumentTypeError: That is nothing of the kind.
    """
    number = r"(\d{1,5}(?:\.\d+)?)"
    if found := re.fullmatch(rf"{number}(?:(?:±|\+/?-){number})?", text, re.ASCII):
        return Latency(*(float(part or 0.0) for part in found.groups()))
    raise ArgumentTypeError(f"{text!r} is not like 300±30, or 300+-30")


def _number(text: str) -> float:
    with suppress(ValueError):
        if abs(number := float(text)) < _LONGEST:
            return number
    raise ArgumentTypeError(f"{text!r} is no number that a clock could show")


def duration(text: str) -> float:
    """Read for how long; `argparse` calls this.

    Raises:
        ArgumentTypeError: Nothing lasts that long.
    """
    if (number := _number(text)) > 0:
        return number
    raise ArgumentTypeError(f"{text!r} is not how long anything lasts")


def _drift(text: str) -> float:
    with suppress(ValueError):
        if abs(number := float(text)) <= WORST_DRIFT:
            return number
    raise ArgumentTypeError(f"{text!r} is not from -{WORST_DRIFT:g} to {WORST_DRIFT:g}")


def _frame_rate(text: str) -> float:
    with suppress(ValueError):
        if 1 <= (number := float(text)) <= FASTEST:
            return number
    raise ArgumentTypeError(f"{text!r} is not from 1 to {FASTEST:g} frames a second")


def _model(text: str) -> str:
    if 0 < len(text) <= LONGEST_MODEL:
        return text
    raise ArgumentTypeError(f"a model's name has up to {LONGEST_MODEL} characters")
