"""Whether this machine's firewall lets phones in, as far as it can be told.

Only somebody outside can prove that a port is open. From within, the firewall's own
lists say whether one is on, and whether they speak of the port.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from raydel.doctor import Finding, PortFacts, Verdict

LISTS: Final = {
    "ufw": ("ufw", "status"),
    "firewalld": ("firewall-cmd", "--list-all"),
    "nftables": ("nft", "list", "ruleset"),
}
"""How each kind of firewall lists what it lets in; most tell root only."""

_OPENS: Final = {
    "ufw": "sudo ufw allow {port}/tcp",
    "firewalld": "sudo firewall-cmd --permanent --add-port={port}/tcp && "
    "sudo firewall-cmd --reload",
    "nftables": "sudo nft list ruleset, and a rule such as: tcp dport {port} accept",
}
_IS_ON: Final = {
    "ufw": re.compile(r"^Status: active", re.MULTILINE),
    "firewalld": re.compile(r"\(.*active.*\)"),
    "nftables": re.compile(r"hook input .*policy drop|(?m:^)\s*(drop|reject)\b"),
}
_LOOPBACK: Final = ("127.", "::1", "localhost")


def judge(facts: PortFacts, lists: Mapping[str, str | None], try_at: str) -> Finding:
    """Judge whether phones get through to a port.

    Args:
        facts: The port.
        lists: What each kind of firewall that is installed said; None where it
            said nothing, which is how they treat those who are not root.
        try_at: What to open on a phone, to be certain.
    """
    port = facts.number
    if facts.host.startswith(_LOOPBACK):
        return _found(Verdict.OK, f"port {port} is for this machine alone: no firewall")
    if facts.unreached:
        return _found(
            Verdict.WRONG,
            f"port {port} does not answer at {', '.join(facts.unreached)}, not even "
            "to this machine itself: a firewall refuses it",
        )
    on = {kind: text for kind, text in lists.items() if text and _is_on(kind, text)}
    for kind, text in on.items():
        if not re.search(rf"(?<!\d){port}(?!\d)", text):
            return _found(
                Verdict.WARNING,
                f"a firewall ({kind}) is on, and says nothing of port {port}: "
                + _OPENS[kind].format(port=port),
            )
    return _not_shut(port, lists, on, try_at)


def _not_shut(
    port: int, lists: Mapping[str, str | None], on: Mapping[str, str], try_at: str
) -> Finding:
    certain = f"to be certain, open {try_at} on a phone"
    if on:
        what = f"the firewall ({', '.join(on)}) speaks of port {port}; {certain}"
        return _found(Verdict.OK, what)
    if None in lists.values():
        silent = [kind for kind, text in lists.items() if text is None]
        what = f"{', '.join(silent)} shows rules to root only: use sudo; {certain}"
        return _found(Verdict.WARNING, f"port {port}: {what}")
    return _found(
        Verdict.OK, f"no firewall on this machine shuts port {port}; {certain}"
    )


def _is_on(kind: str, text: str) -> bool:
    return _IS_ON[kind].search(text) is not None


def _found(verdict: Verdict, what: str) -> Finding:
    return Finding(verdict, what)
