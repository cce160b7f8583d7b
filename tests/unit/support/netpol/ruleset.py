"""Reads the rulesets that the compiler writes, the few words of nftables that it uses, and judges a packet by them.

What the kernel makes of the same text is proved with real packets in tests/netpol; this one needs no root.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Literal

Verdict = Literal["accept", "drop"] | None
"""None: the end of the chain was reached."""

_SET = re.compile(r"^set (\S+) \{ type [^;]+;(?: flags interval;)? elements = \{ (.*) \} \}$", re.MULTILINE)
_MAP = re.compile(r"^map (\S+) \{ type [^;]+; elements = \{ (.*) \} \}$", re.MULTILINE)
_CHAIN = re.compile(r"^chain (\S+) \{\n(.*?)^\}$", re.MULTILINE | re.DOTALL)
_HOOK = re.compile(r"type filter hook (\S+) priority \S+ \+ \d+; policy accept;")


@dataclass(frozen=True, slots=True)
class Packet:
    """The first one of a connection, as it passes a hook."""

    hook: str
    saddr: str
    daddr: str
    protocol: str
    dport: int


class Ruleset:
    """Raises ``AssertionError`` for what it does not understand."""

    def __init__(self, text: str) -> None:
        self._sets = {name: elements.split(", ") for name, elements in _SET.findall(text)}
        self._maps = {
            name: dict(element.split(" : ") for element in elements.split(", "))
            for name, elements in _MAP.findall(text)
        }
        self._chains = {name: [line.strip() for line in body.splitlines()] for name, body in _CHAIN.findall(text)}

    def lets(self, packet: Packet) -> bool:
        """A drop is final, an accept ends one base chain."""
        return all(
            self._walk(lines[1:], packet) != "drop"
            for lines in self._chains.values()
            if lines and (hook := _HOOK.fullmatch(lines[0])) and hook[1] == packet.hook
        )

    def _walk(self, lines: list[str], packet: Packet) -> Verdict:
        for line in lines:
            if line.startswith("#"):
                continue
            verdict = self._rule(line, packet)
            if verdict is not None:
                return verdict
        return None

    def _rule(self, line: str, packet: Packet) -> Verdict:
        words = line
        while words:
            for pattern, test in _CONDITIONS:
                found = pattern.match(words)
                if found:
                    if not test(self, packet, *found.groups()):
                        return None
                    words = words[found.end() :].strip()
                    break
            else:
                return self._verdict(words, packet)
        raise AssertionError(f"no verdict: {line}")

    def _verdict(self, words: str, packet: Packet) -> Verdict:
        if words in ("accept", "counter drop"):
            return "accept" if words == "accept" else "drop"
        if found := re.fullmatch(r"jump (\S+)", words):
            return self._walk(self._chains[found[1]], packet)
        if found := re.fullmatch(r"ip (saddr|daddr) vmap @(\S+)", words):
            goal = self._maps[found[2]].get(_address(packet, found[1]))
            return goal and self._walk(self._chains[goal.removeprefix("goto ")], packet)
        raise AssertionError(f"unknown to the judge: {words}")

    def _in_set(self, packet: Packet, side: str, name: str) -> bool:
        return any(_within(_address(packet, side), element) for element in self._sets[name])

    def _not_in_set(self, packet: Packet, side: str, name: str) -> bool:
        return not self._in_set(packet, side, name)

    def _in_network(self, packet: Packet, side: str, network: str) -> bool:
        return _within(_address(packet, side), network)

    def _named(self, packet: Packet, protocol: str, name: str) -> bool:
        return packet.protocol.lower() == protocol and f"{packet.daddr} . {packet.dport}" in self._sets[name]

    def _itself(self, packet: Packet, name: str) -> bool:
        return f"{packet.saddr} . {packet.daddr}" in self._sets[name]

    def _port(self, packet: Packet, protocol: str, elements: str) -> bool:
        ranges = [element.partition("-") for element in elements.split(", ")]
        fits = any(int(first) <= packet.dport <= int(last or first) for first, _, last in ranges)
        return packet.protocol.lower() == protocol and fits

    def _protocol(self, packet: Packet, protocol: str) -> bool:
        return packet.protocol.lower() == protocol

    def _established(self, _packet: Packet) -> bool:
        return False


def _address(packet: Packet, side: str) -> str:
    return packet.saddr if side == "saddr" else packet.daddr


def _within(address: str, network: str) -> bool:
    return ip_address(address) in ip_network(network)


_CONDITIONS = (
    (re.compile(r"ct state established,related"), Ruleset._established),
    (re.compile(r"ip saddr \. ip daddr @(\S+)"), Ruleset._itself),
    (re.compile(r"ip daddr \. (tcp|udp|sctp) dport @(\S+)"), Ruleset._named),
    (re.compile(r"ip (saddr|daddr) @(\S+)"), Ruleset._in_set),
    (re.compile(r"ip (saddr|daddr) != @(\S+)"), Ruleset._not_in_set),
    (re.compile(r"ip (saddr|daddr) (\d\S+)"), Ruleset._in_network),
    (re.compile(r"(tcp|udp|sctp) dport \{ ([^}]+) \}"), Ruleset._port),
    (re.compile(r"meta l4proto (tcp|udp|sctp)"), Ruleset._protocol),
)
