"""The command line: what can be chosen, and how wrong choices are refused."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SynchronousTestCase

from raydel import __version__
from raydel.core.apps import App
from raydel.core.cameras import CameraLatency, Latency
from raydel.core.config import Config
from raydel.core.instants import DAY, MINUTE
from raydel.options import Options


def read(*words: str, **environ: str) -> Config:
    """Read a command line."""
    options = Options(environ)
    options.parseOptions(words)
    return options.config


class Choices(SynchronousTestCase):
    """What can be chosen."""

    def test_nothing_chosen(self) -> None:
        """Without a word, all is as the configuration has it, and kept in a file."""
        self.assertEqual(Config(store=Path.cwd() / "raydel.sqlite"), read())

    def test_ports(self) -> None:
        """Ports add up, in the order they are given, as they are written."""
        config = read("--port=3001", "--port", "tcp:80:interface=127.0.0.1")
        self.assertEqual(("3001", "tcp:80:interface=127.0.0.1"), config.ports)

    def test_port_from_environment(self) -> None:
        """PORT is obeyed, as the server before this one did."""
        self.assertEqual(("8080",), read(PORT="8080").ports)

    def test_port_option_goes_before_environment(self) -> None:
        """Who writes a port means it."""
        self.assertEqual(("3002",), read("--port=3002", PORT="8080").ports)

    def test_empty_environment(self) -> None:
        """An empty PORT, as some hosts set it, is none."""
        self.assertEqual(("3001",), read(PORT="").ports)

    def test_origins_are_written_as_browsers_do(self) -> None:
        """Case and a scheme's own port make no difference; other ports do."""
        config = read(
            "--origin=https://Club.Example",
            "--origin=https://club.example:443",
            "--origin=http://club.example:80",
            "--origin=http://[FD00::1]:8080",
        )
        expected = {
            "https://club.example",
            "http://club.example",
            "http://[fd00::1]:8080",
        }
        self.assertEqual(expected, config.origins)

    def test_all_origins(self) -> None:
        """A star stands for all of them."""
        self.assertEqual({"*"}, read("--origin=*").origins)

    def test_log_format(self) -> None:
        """Logs are for people or for programs."""
        self.assertEqual("json", read("--log-format=json").log_format)
        self.assertEqual("text", read("--log-format=text").log_format)

    def test_lead(self) -> None:
        """The lead is given in the milliseconds it is kept in; 0 is at once."""
        self.assertEqual(400.5, read("--lead=400.5").lead)
        self.assertEqual(0, read("--lead=0").lead)
        self.assertEqual(5000, read("--lead=5000").lead)

    def test_camera_delays(self) -> None:
        """Released apps' own delays are given in ms, each once; the last one counts."""
        config = read(
            "--camera-delay=screen-2:900",
            "--camera-delay=screen-2-old:0",
            "--camera-delay=screen-2:1200.5",
        )
        expected = {App.SCREEN_2: 1200.5, App.SCREEN_2_OLD: 0.0}
        self.assertEqual(expected, config.camera_delays)
        self.assertEqual(1200.5, config.camera_delay(App.SCREEN_2))
        self.assertEqual(0.0, config.camera_delay(App.SCREEN_2_OLD))
        self.assertEqual(95.0, config.camera_delay(App.SCREEN_3))

    def test_minutes(self) -> None:
        """Long times are given in minutes, and kept in milliseconds."""
        config = read("--cleanup=0.5", "--longest-take=90")
        self.assertEqual(0.5 * MINUTE, config.cleanup)
        self.assertEqual(90 * MINUTE, config.longest_take)

    def test_certificates(self) -> None:
        """A certificate and its key are two files or one, or in a directory."""
        config = read("--port=tls:1", "--certificate=a.pem", "--private-key=b.pem")
        expected = (Path("a.pem"), Path("b.pem"), None)
        self.assertEqual(
            expected, (config.certificate, config.private_key, config.certificates)
        )
        config = read("--port=1", "--port=haproxy:tls:2", "--certificates=pems")
        self.assertEqual(Path("pems"), config.certificates)

    def test_store(self) -> None:
        """A file is known by its absolute path: a daemon changes its directory."""
        for path, expected in (
            ("a.sqlite", Path.cwd() / "a.sqlite"),
            ("a:b/c", Path.cwd() / "a:b/c"),
            ("/var/lib/raydel/a.sqlite", Path("/var/lib/raydel/a.sqlite")),
            ("~/a.sqlite", Path.home() / "a.sqlite"),
        ):
            self.assertEqual(expected, read(f"--store=sqlite:{path}").store)

    def test_memory(self) -> None:
        """What is kept in memory needs no file."""
        self.assertIsNone(read("--store=memory:").store)

    def test_last_store(self) -> None:
        """The last of several is meant: a unit's own, then that of its options."""
        self.assertIsNone(read("--store=sqlite:a", "--store=memory:").store)

    def test_survives(self) -> None:
        """A file survives the program's end, or the machine's too."""
        self.assertEqual("kill", read("--survives=kill").survives)
        self.assertEqual("power-loss", read("--survives=power-loss").survives)

    def test_keep_takes(self) -> None:
        """How long takes are kept is given in days, and kept in milliseconds."""
        self.assertEqual(1.5 * DAY, read("--keep-takes=1.5").keep_takes)
        self.assertEqual(3650 * DAY, read("--keep-takes=3650").keep_takes)

    def test_camera_latency(self) -> None:
        """What is known of models stays in its order, with ± written either way."""
        self.assertEqual((), read().camera_latencies)
        expected = (
            CameraLatency("iPhone15,2", Latency(350.0, 60.0)),
            CameraLatency("IOS-*", Latency(-12.5, 0.0)),
            CameraLatency("Pitch: left", Latency(1000.0, 8.25)),
        )
        words = ("iPhone15,2:350±60", "IOS-*:-12.5+-0", "Pitch: left:1000±8.25")
        found = read(*(f"--camera-latency={each}" for each in words))
        self.assertEqual(expected, found.camera_latencies)

    def test_webhook(self) -> None:
        """Letters go to a URL, signed with what is in a file, or the environment."""
        with TemporaryDirectory() as folder:
            file = Path(folder, "secret")
            file.write_text("a secret of many words\n")
            words = ("--webhook=http://a/b", f"--webhook-secret-file={file}")
            config = read(*words)
        expected = ("http://a/b", b"a secret of many words")
        self.assertEqual(expected, (config.webhook, config.webhook_secret))
        config = read("--webhook=http://a/b", RAYDEL_WEBHOOK_SECRET="x" * 16)
        self.assertEqual(b"x" * 16, config.webhook_secret)
        self.assertNotIn("x" * 16, repr(config))

    def test_a_secret_for_nothing(self) -> None:
        """A secret may stand in the environment, where letters are not wanted."""
        config = read(RAYDEL_WEBHOOK_SECRET="x" * 16)
        self.assertEqual((None, b""), (config.webhook, config.webhook_secret))

    def test_version(self) -> None:
        """The version is Raydel's, not Twisted's."""
        with redirect_stdout(StringIO()) as out:
            ended = self.assertRaises(SystemExit, read, "--version")
        self.assertEqual(0, ended.code)
        self.assertEqual(f"Raydel {__version__}\n", out.getvalue())


class Refusals(SynchronousTestCase):
    """How wrong choices are refused: in one sentence that says what is right."""

    def assert_refused(self, expected: str, *words: str) -> None:
        """Check the one sentence; Python prints it on stderr and exits with 1."""
        with redirect_stdout(StringIO()) as out:
            refusal = str(self.assertRaises(SystemExit, read, *words))
        self.assertEqual("", out.getvalue())
        self.assertTrue(refusal.startswith("raydel: "), refusal)
        self.assertNotIn("\n", refusal)
        self.assertIn(expected, refusal)

    def test_unknown_option(self) -> None:
        """An unknown option is named, without the whole help."""
        self.assert_refused("--prot not recognized", "--prot=3001")

    def test_missing_value(self) -> None:
        """An option that lacks its value is named."""
        self.assert_refused("--port requires argument", "--port")

    def test_stray_word(self) -> None:
        """A word that belongs to nothing is named."""
        self.assert_refused("'3001' belongs to no option", "3001")

    def test_log_format(self) -> None:
        """The formats there are, are named."""
        self.assert_refused("text or json", "--log-format=xml")

    def test_numbers(self) -> None:
        """Only plain numbers within the range are numbers."""
        for text in ("", "-1", "5001", "abc", "nan", "inf", "1e3", "1_0", "٣", "1\n"):
            self.assert_refused("from 0 to 5000: apps", f"--lead={text}")

    def test_camera_delays(self) -> None:
        """The kinds there are, are named; protocol 2 is none of them."""
        kinds = "it is KIND:MS, where KIND is one of library-1, library-2, screen-1"
        for text in ("", "95", "protocol-2:95", "Screen-3:95", "pixel:95"):
            self.assert_refused(kinds, f"--camera-delay={text}")
        for text in ("", "-5", "4001", "nan", "1e3", "95:5", " 95"):
            self.assert_refused(
                "behind screen-3: stands a number from 0 to 4000: apps wait",
                f"--camera-delay=screen-3:{text}",
            )

    def test_reasons(self) -> None:
        """A range comes with its reason."""
        self.assert_refused("phones need a moment to return", "--cleanup=0")
        self.assert_refused("more than a day", "--longest-take=1441")

    def test_certificates(self) -> None:
        """What contradicts itself, or would not be used, is refused."""
        tls, pem = "--port=tls:1", "--certificate=a.pem"
        self.assert_refused("needs --certificate", tls, "--private-key=b.pem")
        self.assert_refused("one or the other", tls, pem, "--certificates=c")
        self.assert_refused("no port speaks TLS, a.pem is of no use", pem)
        self.assert_refused("no port speaks TLS", "--port=ssl:1", "--certificates=c")
        self.assert_refused("--certificate= needs a path", tls, "--certificate=")

    def test_keep_takes(self) -> None:
        """A take is kept for a day at least, and not for ever."""
        for days in ("0", "0.9", "3651", "for ever", ""):
            self.assert_refused("from 1 to 3650: videos", f"--keep-takes={days}")

    def test_camera_latency(self) -> None:
        """A latency has a model, two numbers, and is one that cameras have."""
        for text in ("", "350±60", ":350±60", " :3±6", "Pixel:350", "Pixel:±60"):
            self.assert_refused("it is MODEL:MS±MS", f"--camera-latency={text}")
        for text in ("Pixel:3e2±6", "Pixel:nan±60", "Pixel:350±-60", "Pixel:350-60"):
            self.assert_refused("as in iPhone15,2:350±60", f"--camera-latency={text}")
        for text in ("Pixel:-1001±6", "Pixel:10000.5±6", "Pixel:350±10001"):
            self.assert_refused("from -1000 to 10000 ms", f"--camera-latency={text}")

    def test_webhook(self) -> None:
        """A receiver needs a URL and a secret; a secret needs a receiver."""
        self.assert_refused("--webhook: it is http:// or", "--webhook=club.example")
        self.assert_refused("--webhook: it needs a secret", "--webhook=http://a")
        file = "--webhook-secret-file"
        self.assert_refused("is of no use without --webhook", f"{file}={__file__}")
        self.assert_refused("No such file", "--webhook=http://a", f"{file}=/none/a")
        self.assert_refused("needs a path", "--webhook=http://a", f"{file}=")

    def test_stores(self) -> None:
        """The stores there are, are named; what other programs call them is not one."""
        for text in ("", "a.sqlite", "memory", "memory:x", "redis:", "sqlite::memory:"):
            self.assert_refused("it is sqlite:FILE or memory:", f"--store={text}")
        self.assert_refused("needs a file, as in sqlite:raydel", "--store=sqlite:")
        self.assert_refused("stands a path", "--store=sqlite:///a.sqlite")
        self.assert_refused("~nobody.here is nobody's", "--store=sqlite:~nobody.here/a")

    def test_survives(self) -> None:
        """What a file can survive is named, and memory survives nothing."""
        self.assert_refused("kill or power-loss", "--survives=fire")
        for words in (
            ("--store=memory:", "--survives=kill"),
            ("--survives=power-loss", "--store=memory:"),
        ):
            self.assert_refused("is of no use with --store=memory:", *words)

    def test_advertise(self) -> None:
        """What phones cannot come to is not announced, and the remedy is named."""
        for words in (
            ("--port=unix:/run/raydel.sock",),
            ("--port=haproxy:tls:3443", "--port=systemd:domain=UNIX:index=0"),
        ):
            self.assert_refused("as --port=3001 is one", "--advertise", *words)
        self.patch(sys, "modules", {**sys.modules, "zeroconf": None})
        self.assert_refused("pip install -e '.[advertise]'", "--advertise")

    def test_origins(self) -> None:
        """What no browser would send is no origin."""
        for text in (
            "club.example",
            "https://club.example/",
            "https://club.example/app",
            "https://",
            "null",
            "https://a b",
            "https://club.example:",
            "",
        ):
            self.assert_refused("scheme://host[:port]", f"--origin={text}")


class Advertising(SynchronousTestCase):
    """Whether the server announces itself."""

    def test_asked_for(self) -> None:
        """It does if it is told to, and some port is for phones."""
        self.assertFalse(read().advertise)
        self.assertTrue(read("--advertise").advertise)
        both = read("--advertise", "--port=unix:/run/raydel.sock", "--port=3001")
        self.assertTrue(both.advertise)
        systemd = read("--advertise", "--port=systemd:domain=INET6:index=0")
        self.assertTrue(systemd.advertise)

    def test_help(self) -> None:
        """The help says what others get to know, and that it is off."""
        text = " ".join(Options({}).getUsage(width=80).split())
        _, _, after = text.partition(" --advertise ")
        self.assertIn("[default: it is not announced]", after.partition(" --")[0])


class Help(SynchronousTestCase):
    """The help that teaches."""

    def test_every_option_is_explained(self) -> None:
        """Each option of ours says what it is for, and what it is without it."""
        text = " ".join(Options({}).getUsage(width=80).split())
        for option in (
            "port",
            "certificate",
            "private-key",
            "certificates",
            "lead",
            "camera-delay",
            "cleanup",
            "longest-take",
            "log-format",
            "store",
            "survives",
            "keep-takes",
            "camera-latency",
            "webhook",
            "webhook-secret-file",
        ):
            _, _, after = text.partition(f" --{option}= ")
            self.assertIn("[default: ", after.partition(" --")[0], option)
        self.assertIn("--origin= Let the web pages of another site", text)
