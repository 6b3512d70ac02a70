"""Pictures of what a tool found, by matplotlib, where that is installed."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from raydel.export.trouble import brings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS: Final = (".png", ".svg")
"""The kinds of files that can be drawn."""

PLOT_HELP: Final = "draw it, too, as a .png or an .svg; that takes matplotlib"


def need() -> None:
    """Make sure there is something to draw with, before anything takes long.

    Raises:
        SystemExit: There is not.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise SystemExit(
            f"raydel: --plot needs matplotlib; {brings('matplotlib')}"
        ) from None


def picture(text: str) -> Path:
    """Read an option that names the file to draw.

    Raises:
        ArgumentTypeError: It is no picture, or there is no place for it.
    """
    file = Path(text)
    if file.suffix.lower() not in KINDS:
        raise ArgumentTypeError(f"{text!r} ends neither with {' nor '.join(KINDS)}")
    if not file.parent.is_dir():
        raise ArgumentTypeError(f"{text!r}: there is no such directory")
    return file


def sheet(count: int, *, sharex: bool = True) -> tuple[Figure, list[Any]]:
    """Return a picture of some panels, one below the other."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.6 + 2.4 * count), layout="constrained")
    axes = figure.subplots(count, sharex=sharex, squeeze=False)
    return figure, [ax for (ax,) in axes]


def save(figure: Figure, file: Path) -> None:
    """Write a picture.

    Raises:
        SystemExit: It cannot be written.
    """
    try:
        figure.savefig(file, dpi=120)
    except OSError as problem:
        raise SystemExit(f"raydel: {file}: {problem.strerror}") from None
