"""The package, built and installed as a user does, brings ``twistd raydel`` along.

Each virtual environment is new, and has of its own what Raydel needs: linked from the
one that runs the tests, since to download it all would take minutes. `make package`
does that. Twisted itself is copied, for its plugins and ours share one directory.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import raydel
from tests.integration.program import ROOT

LIBRARIES = Path(sysconfig.get_path("purelib"))
OURS = ("raydel", "__editable__", "_virtualenv", "pip", "twisted")
SOURCES = ("raydel", "twisted", "setup.py", "pyproject.toml", "README.md", "LICENSE")
# Building an editable install needs a setuptools that knows licences by name, and
# wheels without help; nothing is downloaded here.
pytestmark = pytest.mark.skipif(
    find_spec("setuptools.command.bdist_wheel") is None,
    reason="setuptools is missing or old; it is in the extra test",
)


class Environment:
    """A virtual environment of its own.

    Attributes:
        home: Where it is.
        libraries: Its ``site-packages``.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        venv.create(home, symlinks=True)
        self.libraries = home / LIBRARIES.relative_to(sys.prefix)
        for entry in LIBRARIES.iterdir():
            if not entry.name.startswith(OURS):
                (self.libraries / entry.name).symlink_to(entry)
        shutil.copytree(
            LIBRARIES / "twisted",
            self.libraries / "twisted",
            ignore=shutil.ignore_patterns("test", "dropin.cache", "raydel_plugin.py"),
        )

    def install(self, *what: str) -> None:
        """Install something, with the pip that is outside, and without a network."""
        python = str(self.home / "bin" / "python")
        pip(
            "--python",
            python,
            "install",
            "--no-index",
            "--no-deps",
            "--no-build-isolation",
            *what,
        )

    def twistd(self, *words: str) -> str:
        """Run twistd, and return what it says; nothing else may go wrong.

        Root may write whatever the mode of a directory says, so it has to do
        without that right.
        """
        program = "from twisted.scripts.twistd import run; run()"
        humble = ["setpriv", "--bounding-set=-dac_override"]
        done = subprocess.run(
            [
                *(humble if os.geteuid() == 0 else []),
                *(str(self.home / "bin" / "python"), "-c", program, *words),
            ],
            cwd=self.home,
            env={"COLUMNS": "100"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return str(done.stdout)

    @property
    def cache(self) -> Path:
        """Where twistd keeps what it knows of the plugins in `libraries`."""
        return self.libraries / "twisted" / "plugins" / "dropin.cache"


def pip(*words: str) -> None:
    """Run pip."""
    quiet = ["--quiet", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", *quiet, *words], check=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Copy what the package is built from: building leaves files behind."""
    copy = tmp_path / "source"
    copy.mkdir()
    hidden = shutil.ignore_patterns("__pycache__", "dropin.cache")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=hidden)
        else:
            shutil.copy(ROOT / name, copy)
    return copy


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    """Make an environment, and see to it that it can be removed."""
    made = Environment(tmp_path / "environment")
    yield made
    for directory in (made.libraries, made.cache.parent):
        directory.chmod(0o755)


def assert_offered(environment: Environment) -> None:
    """Check that twistd knows Raydel, by name, version and options."""
    assert "multi-camera sports recording" in environment.twistd("--help")
    assert environment.twistd("raydel", "--version") == f"Raydel {raydel.__version__}\n"
    assert "--longest-take=" in environment.twistd("--reactor=poll", "raydel", "--help")


def test_wheel(environment: Environment, source: Path, tmp_path: Path) -> None:
    """A wheel brings the program, its pages and the plugin, and no tests."""
    options = ("--no-deps", "--no-build-isolation", f"--wheel-dir={tmp_path}")
    pip("wheel", *options, str(source))
    (wheel,) = tmp_path.glob("raydel-*.whl")
    environment.install(str(wheel))
    assert not environment.cache.exists()
    assert_offered(environment)
    assert environment.cache.exists()
    assert (environment.libraries / "raydel" / "py.typed").exists()
    assert not (environment.libraries / "tests").exists()


def test_read_only(environment: Environment, source: Path) -> None:
    """Where nothing can be written, no cache is ever warm, and all works."""
    environment.install(str(source))
    for directory in (environment.cache.parent, environment.libraries):
        directory.chmod(0o555)
    assert_offered(environment)
    assert not environment.cache.exists()


def test_editable(environment: Environment, source: Path) -> None:
    """A clone that is installed as it lies there is found, its plugin too."""
    environment.install("--editable", str(source))
    assert_offered(environment)
    assert not (environment.libraries / "raydel").exists()
    assert (source / "twisted" / "plugins" / "dropin.cache").exists()
