"""The command line of the server, as one frozen `Config`.

``twistd raydel --help`` shows the help that stands here. What cannot be used is
refused in one sentence on stderr and exit code 1: Twisted's own way, a
`UsageError`, buries the sentence under the whole help.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NoReturn, cast

from twisted.python import usage

from raydel import __version__
from raydel.advertise import LIBRARY, MISSING
from raydel.core.apps import App
from raydel.core.cameras import CameraLatency, written
from raydel.core.config import Config, LogFormat, StartPolicy, Survives, WireLane
from raydel.core.instants import DAY, MINUTE
from raydel.endpoints import lets_phones_in, speaks_own_tls
from raydel.receiver import read_secret, read_url

_NUMBER: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")
_ORIGIN: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://"
    r"(?P<host>[a-z0-9_.-]+|\[[0-9a-f:.]+\])"
    r"(:(?P<port>[0-9]{1,5}))?"
)
_RELEASED: Final = {app.value: app for app in App if app.is_released}
_OWN_PORT: Final = {"http": "80", "https": "443"}
_STORE: Final = "sqlite:raydel.sqlite"


class Options(usage.Options):
    """What can be chosen when the server is started.

    Attributes:
        config: All of it, once `parseOptions` has returned.
    """

    longdesc = (
        "Raydel keeps two phones' cameras in step. Phones connect to ws://, REST "
        "clients to http:// on the same port; with TLS, to wss:// and https://. "
        "Without any option it listens on port 3001, on all networks of this machine, "
        "and keeps sessions and takes in the file raydel.sqlite."
    )

    config: Config

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        # Twisted would show the indentation of the docstrings in the help.
        self.docs = {name: " ".join(text.split()) for name, text in self.docs.items()}
        self._environ = environ
        self._ports: list[str] = []
        self._certificate: Path | None = None
        self._private_key: Path | None = None
        self._certificates: Path | None = None
        self._origins: set[str] = set()
        self._log_format: LogFormat = "text"
        self._lead = Config.lead
        self._cleanup = Config.cleanup
        self._longest_take = Config.longest_take
        self._start_policy = Config.start_policy
        self._camera_delays: dict[App, float] = {}
        self._store = _STORE
        self._survives: Survives | None = None
        self._keep_takes = Config.keep_takes
        self._wire = Config.wire
        self._camera_latencies: list[CameraLatency] = []
        self._webhook: str | None = None
        self._webhook_secret: bytes | None = None
        self._advertise = False

    def opt_port(self, description: str) -> None:
        """Where to listen: a port number, or a Twisted endpoint description.

        A number listens on all networks, IPv4 and IPv6. A description narrows that:
        tcp:3001:interface=127.0.0.1 behind a proxy, unix:/run/raydel.sock, or
        systemd:domain=INET6:index=0. With tls: before a number or before systemd:, as
        in tls:3001 and tls:3001:interface=127.0.0.1, it speaks TLS: wss and https; the
        options for certificates tell with which. With haproxy: before all of that, it
        expects the PROXY protocol, outside of TLS. May be given several times: 3001 and
        tls:3443 is both ways at once. [default: the environment variable PORT, or 3001]
        """
        self._ports.append(description)

    def opt_certificate(self, file: str) -> None:
        """The PEM file of the certificate for tls: ports, with its intermediates.

        Like all files of certificates, it is looked at every half minute, and at
        SIGHUP: a new one serves new connections, and open ones stay. [default: one
        from a directory]
        """
        self._certificate = _path("certificate", file)

    def opt_private_key(self, file: str) -> None:
        """The PEM file of the private key, where the certificate is a single one.

        [default: the key is in the file of the certificate]
        """
        self._private_key = _path("private-key", file)

    def opt_certificates(self, directory: str) -> None:
        """A directory of certificates and keys, in place of a single one.

        All files in it, and one level below, that end in .pem. A key is matched with
        its certificate by what is in them. Clients get the one for the name they ask
        for, else the first by file name. python -m raydel certificate makes one for
        development. [default: what systemd hands over as credentials that end in
        .pem, or certificates, in the directory where the server is started]
        """
        self._certificates = _path("certificates", directory)

    def opt_origin(self, origin: str) -> None:
        """Let the web pages of another site use this server, as scheme://host[:port].

        Browsers name the site a page came from. Apps name none, or this server
        itself, and are always let in. * lets every site in. May be given several
        times.
        """
        self._origins.add(_origin(origin))

    def opt_log_format(self, name: str) -> None:
        """How log lines are written: text for people, json for programs.

        One line an event either way. [default: text]
        """
        if name not in ("text", "json"):
            _refuse(f"--log-format={name}: it is text or json")
        self._log_format = cast(LogFormat, name)

    def opt_lead(self, milliseconds: str) -> None:
        """Milliseconds between the tap on start and the start itself, 0 to 5000.

        The message has to reach the slower phone within them. More are taken by
        themselves where a phone's connection or camera needs them. [default: 250]
        """
        # Released apps take a start that is further away for a broken clock.
        self._lead = _number("lead", milliseconds, 0, 5000, "apps wait no longer")

    def opt_camera_delay(self, choice: str) -> None:
        """How late a released app calls its camera, as KIND:MS, 0 to 4000.

        It is told to start that much earlier. KIND is library-1, library-2, screen-1,
        screen-2-old, screen-2 or screen-3; what each does, and how it is known, is in
        docs/protocol.md. A change of phones may make it another.
        May be given several times. Protocol 2 needs none of this: it reports its
        first frame, and the server learns from that. [default: what the apps were
        measured to take]
        """
        kind, _, milliseconds = choice.partition(":")
        if kind not in _RELEASED:
            _refuse(
                f"--camera-delay={choice}: it is KIND:MS, where KIND is one of"
                f" {', '.join(_RELEASED)}"
            )
        if not _is_number(milliseconds, 0, 4000):
            _refuse(
                f"--camera-delay={choice}: behind {kind}: stands a number from 0 to"
                " 4000: apps wait for a start 5000 ms at most, and have to hear of it"
            )
        self._camera_delays[_RELEASED[kind]] = float(milliseconds)

    def opt_cleanup(self, minutes: str) -> None:
        """Minutes a session is kept after its last phone has left, 0.05 to 1440.

        Until then phones come back to it by themselves, as if they had never been
        gone. [default: 30]
        """
        why = "phones need a moment to return, and codes are to be used again"
        self._cleanup = _number("cleanup", minutes, 0.05, 1440, why) * MINUTE

    def opt_longest_take(self, minutes: str) -> None:
        """Minutes after which a recording is ended for everybody, 0.05 to 1440.

        It ends what was forgotten, before a phone's memory is full. [default: 240]
        """
        why = "a recording takes a moment, and no phone holds more than a day"
        self._longest_take = _number("longest-take", minutes, 0.05, 1440, why) * MINUTE

    def opt_start_policy(self, name: str) -> None:
        """Whether a recording begins with whoever can: best-effort or strict.

        With strict it begins only if every phone of the session is there, has
        agreed, and has room, battery and a cool head for it; else none records, and
        the one who tapped is told who is missing. That needs apps that confirm: no
        released one does. A host's app may choose for its session. [default:
        best-effort]
        """
        if name not in ("best-effort", "strict"):
            _refuse(f"--start-policy={name}: it is best-effort or strict")
        self._start_policy = cast(StartPolicy, name)

    def opt_store(self, description: str) -> None:
        """Where sessions and takes are kept: in memory: or in sqlite: and a file.

        With a file, phones come back to their session and their take after a restart
        or a crash; it is made where there is none, for its owner alone. A path is
        meant from the directory where the server is started; ~ is the home directory.
        One server uses a file at a time, on a disk of this machine. memory: writes
        nothing and forgets everything at its end, for a trial or a read-only machine.
        [default: sqlite:raydel.sqlite]
        """
        self._store = description

    def opt_survives(self, what: str) -> None:
        """What the file survives without loss: kill or power-loss.

        With kill, nothing a phone was told is lost when the program ends, however
        suddenly; when the whole machine does, the last moments may be, and the file
        is whole. With power-loss, not even they are: each step of a session then
        waits for the disk, before phones are told. [default: kill]
        """
        if what not in ("kill", "power-loss"):
            _refuse(f"--survives={what}: it is kill or power-loss")
        self._survives = cast(Survives, what)

    def opt_keep_takes(self, days: str) -> None:
        """Days that a take is kept after its end, with its clocks, 1 to 3650.

        It tells how the videos of a match lie to each other; a take is some
        kilobytes. memory: keeps the last 1000 at most. [default: 90]
        """
        why = "videos are put together a day later at least, and some day nobody asks"
        self._keep_takes = _number("keep-takes", days, 1, 3650, why) * DAY

    def opt_camera_latency(self, known: str) -> None:
        """How long a model takes from the call of its camera to its first frame.

        As MODEL:MS±MS: as a rule the first number, 19 times of 20 off by no more than
        the second. iPhone15,2:350±60 is of that model, IOS-*:350+-60 of all whose
        names begin with IOS-; * is any phone. A model is what the phone says it is, or
        else its name. Released apps report no first frame: this is what their videos
        are aligned by, so measure it, with a clap or a clock in the picture. May be
        given several times; of those that fit, the first counts. [default: -120 to
        1600 ms, the range of all phones, which nothing is well aligned by]
        """
        try:
            self._camera_latencies.append(written(known))
        except ValueError as problem:
            _refuse(f"--camera-latency={known}: {problem}")

    def opt_webhook(self, url: str) -> None:
        """Post what happens to sessions and takes to this URL, as signed JSON.

        http:// or https://. What cannot be delivered is kept, and tried again for a
        day. It is signed with a secret that the receiver knows too: the next option
        tells where that is. docs/webhooks.md has a receiver. [default: none]
        """
        try:
            self._webhook = read_url(url)
        except ValueError as problem:
            _refuse(f"--webhook: {problem}")

    def opt_webhook_secret_file(self, file: str) -> None:
        """The file of the secret that webhooks are signed with: one line of text.

        At least 16 characters, drawn by lot, as openssl rand -hex 32 does. On the
        command line everybody could read it. [default: the environment variable
        RAYDEL_WEBHOOK_SECRET]
        """
        path = _path("webhook-secret-file", file)
        try:
            self._webhook_secret = path.read_bytes()
        except OSError as error:
            why = error.strerror or error
            _refuse(f"--webhook-secret-file={path.absolute()}: {why}")

    def opt_advertise(self) -> None:
        """Announce the server on the local network, for phones to find it.

        By multicast DNS, as _raydel._tcp: its name, ports and version are told to
        whoever is in the networks that it listens on. [default: it is not announced]
        """
        self._advertise = True

    def opt_wire(self, name: str) -> None:
        """Who reads and writes WebSocket messages: fast or library.

        With fast, whole small messages take a short way of Raydel's own, which costs a
        fraction of the time, and Autobahn, the WebSocket library, does the rest. With
        library it does all. Phones cannot tell the difference: choose library to find
        out whether something odd comes of the short way. [default: fast]
        """
        if name not in ("fast", "library"):
            _refuse(f"--wire={name}: it is fast or library")
        self._wire = cast(WireLane, name)

    def opt_version(self) -> NoReturn:
        """Show the version of Raydel and exit."""
        print(f"Raydel {__version__}")  # noqa: T201 - asked for on the command line
        raise SystemExit(0)

    def parseArgs(self, *stray: str) -> None:
        """Refuse words that belong to no option."""
        if stray:
            _refuse(f"{stray[0]!r} belongs to no option; --help names them")

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read the command line into `config`.

        Args:
            options: The words after ``raydel``; those of this process if None.

        Raises:
            SystemExit: One of them cannot be used; it says which, and why.
        """
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call]
        except usage.UsageError as problem:
            _refuse(f"{problem}; --help names them")

    def postOptions(self) -> None:
        """Freeze what was read."""
        ports = tuple(self._ports) or (self._environ.get("PORT") or "3001",)
        self._check_certificates(ports)
        self._check_advertise(ports)
        self.config = Config(
            ports=ports,
            certificate=self._certificate,
            private_key=self._private_key,
            certificates=self._certificates,
            origins=frozenset(self._origins),
            log_format=self._log_format,
            lead=self._lead,
            cleanup=self._cleanup,
            longest_take=self._longest_take,
            start_policy=self._start_policy,
            camera_delays=self._camera_delays,
            store=self._store_file(),
            survives=self._survives or Config.survives,
            keep_takes=self._keep_takes,
            wire=self._wire,
            camera_latencies=tuple(self._camera_latencies),
            webhook=self._webhook,
            webhook_secret=self._secret(),
            advertise=self._advertise,
        )

    def _check_certificates(self, ports: Sequence[str]) -> None:
        """Refuse what would leave somebody in the belief that it is used."""
        if self._private_key and not self._certificate:
            _refuse("--private-key needs --certificate")
        if self._certificate and self._certificates:
            _refuse("--certificate and --certificates: it is one or the other")
        given = self._certificate or self._certificates
        if given and not any(map(speaks_own_tls, ports)):
            _refuse(f"no port speaks TLS, {given} is of no use: --port=tls:3001 does")

    def _secret(self) -> bytes:
        """Return what letters are signed with; nothing where there are none."""
        if self._webhook is not None:
            try:
                return read_secret(self._webhook_secret, self._environ)
            except ValueError as problem:
                _refuse(f"--webhook: {problem}")
        if self._webhook_secret is not None:
            _refuse("--webhook-secret-file is of no use without --webhook")
        return b""

    def _check_advertise(self, ports: Sequence[str]) -> None:
        if not self._advertise:
            return
        if not any(map(lets_phones_in, ports)):
            _refuse(
                f"--advertise: to {' and '.join(ports)} only a proxy comes; phones "
                "need a port with a number, as --port=3001 is one"
            )
        if find_spec(LIBRARY) is None:
            _refuse(f"--advertise {MISSING}")

    def _store_file(self) -> Path | None:
        """Return the file to keep all in; None for memory."""
        file = _file(self._store)
        if file is None and self._survives:
            _refuse(
                f"--survives={self._survives} is of no use with --store=memory:, which "
                "survives nothing: --store=sqlite:FILE does"
            )
        return file


def _refuse(sentence: str) -> NoReturn:
    raise SystemExit(f"raydel: {' '.join(sentence.split())}")


def _is_number(text: str, least: float, most: float) -> bool:
    """Tell whether a text is a number; `float` would take ``nan`` and ``1e9`` too."""
    return bool(_NUMBER.fullmatch(text)) and least <= float(text) <= most


def _number(option: str, text: str, least: float, most: float, why: str) -> float:
    """Read a number."""
    if _is_number(text, least, most):
        return float(text)
    _refuse(f"--{option}={text}: it is a number from {least:g} to {most:g}: {why}")


def _path(option: str, text: str) -> Path:
    """Read a path; the empty one would be the directory we are in."""
    if not text:
        _refuse(f"--{option}= needs a path")
    return Path(text)


def _file(store: str) -> Path | None:
    """Read where all is kept; None is memory.

    The path is made absolute, since a daemon may change its directory.
    """
    kind, _, path = store.partition(":")
    if store == "memory:":
        return None
    if kind != "sqlite" or path == ":memory:":
        _refuse(f"--store={store}: it is sqlite:FILE or memory:")
    if not path:
        _refuse(f"--store={store} needs a file, as in {_STORE}")
    if path.startswith("//"):
        _refuse(f"--store={store}: behind sqlite: stands a path, as in {_STORE}")
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        _refuse(f"--store={store}: {Path(path).parts[0]} is nobody's home directory")


def _origin(text: str) -> str:
    """Write an origin as browsers do: lower case, without a scheme's own port."""
    if text == "*":
        return text
    parts = _ORIGIN.fullmatch(text.lower())
    if parts is None:
        _refuse(f"--origin={text}: it is scheme://host[:port], without a path, or *")
    scheme, host, port = parts["scheme"], parts["host"], parts["port"]
    is_own = port is None or port == _OWN_PORT.get(scheme)
    return f"{scheme}://{host}" if is_own else f"{scheme}://{host}:{port}"
