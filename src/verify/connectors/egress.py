"""Where requests may go: decided by who runs the machine, never by who edits a connector.

The allow-list and the networks stand in the environment, out of reach of connectors/*.yaml and
of every console. An address passes four doors: it is written plainly, it is on the list, it
resolves to a permitted network, and the connection goes to exactly the address that was looked
at (no second look-up that could answer differently, no redirects).

    VERIFY_EGRESS_ALLOW     host or host:port, separated by commas (port 443 where none is given)
    VERIFY_EGRESS_NETWORKS  networks inside which such hosts may lie, e.g. 10.20.0.0/16; public
                            addresses need no entry

Without an allow-list, the addresses that the environment itself gives to sources are allowed,
and the loopback ports of the simulated sources.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from verify.domain.errors import ContentError

ALLOW_ENV = "VERIFY_EGRESS_ALLOW"
NETWORKS_ENV = "VERIFY_EGRESS_NETWORKS"
SIMULATED_PORTS = range(8471, 8500)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
DEFAULT_PORTS = {"http": 80, "https": 443, "sftp": 22}

_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*", re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
# The characters of a plain base URL. Everything that parsers are known to disagree about is
# outside: user names, escapes, backslashes, white space, other scripts.
_PLAIN = re.compile(
    r"(https?|sftp)://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?", re.ASCII
)

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Iterable[str]]


class EgressRefused(OSError):
    """A connection that may not be made; `code` is stable and names no address."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Target:
    """A plain address: scheme, host in lower case, port, and the base URL as written."""

    scheme: str
    host: str
    port: int
    url: str

    @property
    def place(self) -> str:
        """`host:port`, the form of the allow-list and of secrets' bindings."""
        return place(self.host, self.port)


def place(host: str, port: int) -> str:
    """`host:port`; an IPv6 address stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def system_resolver(host: str, port: int) -> list[str]:
    """Every address the system knows for a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def plain_target(url: str, where: str) -> Target:
    """Read a base URL that leaves nothing to interpretation.

    Raises:
        ContentError: it is not plain, or would send personal data unencrypted.
    """
    found = _PLAIN.fullmatch(url)
    host = (found[2].strip("[]") if found else "") or ""
    port_text = found[3][1:] if found and found[3] else ""
    scheme = found[1] if found else ""
    port = int(port_text) if _PORT.fullmatch(port_text) else DEFAULT_PORTS.get(scheme, 0)
    bad_port = port_text and not _PORT.fullmatch(port_text)
    if not found or bad_port or port > 65_535 or not _plain_host(host) or "//" in (found[4] or ""):
        raise ContentError(
            "the address of the source is not a plain base URL",
            where=where,
            remedy="give scheme, host, port and path only, for example https://host/path",
        )
    if scheme == "http" and host not in LOOPBACK:
        raise ContentError(
            "personal data may not be sent over an unencrypted connection",
            where=where,
            remedy="use an https address (http is allowed for the loopback interface only)",
        )
    return Target(scheme, host, port, url.rstrip("/"))


def _plain_host(host: str) -> bool:
    """A name with letters in its last label, or an address in its one canonical spelling."""
    try:
        return str(ipaddress.ip_address(host)) == host
    except ValueError:
        last = host.rpartition(".")[2]
        # `127.1`, `0x7f.1`, `2130706433` and the like are addresses in disguise.
        numeric = last.isdigit() or last.startswith("0x")
        return len(host) <= 253 and bool(_NAME.fullmatch(host)) and not numeric


@dataclass(frozen=True)
class Egress:
    """The allow-list and the permitted networks.

    `allowed` holds `host:port`; `resolve` is replaced in tests only.
    """

    allowed: frozenset[str]
    networks: tuple[Network, ...] = ()
    resolve: Resolver = field(default=system_resolver)

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str], resolve: Resolver = system_resolver
    ) -> Egress:
        """Read the allow-list (see the module text).

        Raises:
            ContentError: an entry is neither a host nor host:port, or a network is none.
        """
        return cls(
            _allowed(environment), _networks(environment.get(NETWORKS_ENV, "")), resolve=resolve
        )

    def target(self, url: str, where: str) -> Target:
        """A base URL that may be used.

        Raises:
            ContentError: it is not plain, not encrypted, or not on the allow-list.
        """
        target = plain_target(url, where)
        if target.place not in self.allowed:
            raise ContentError(
                "requests may not go to this address: it is not on the allow-list",
                where=where,
                remedy=f"whoever runs this machine adds host:port to {ALLOW_ENV}",
            )
        return target

    def address(self, host: str, port: int) -> str:
        """The one numeric address to connect to, checked; resolved exactly once.

        Raises:
            EgressRefused: the host is not on the list, or an address it resolves to lies in no
                permitted network. One bad address among good ones refuses all: whoever answers
                the look-up is not to choose.
        """
        if place(host, port) not in self.allowed:
            raise EgressRefused("not_allowed")
        found = [host] if _is_address(host) else sorted(set(self.resolve(host, port)))
        if not found:
            raise EgressRefused("no_address")
        for text in found:
            if not self._permitted(host, _unwrapped(text)):
                raise EgressRefused("address_not_permitted")
        return found[0]

    def _permitted(self, host: str, address: IP | None) -> bool:
        if address is None:
            return False
        if address.is_loopback:
            return host in LOOPBACK
        if any(address in network for network in self.networks):
            return True
        public = address.version == 4 or address in _UNICAST
        return public and address.is_global and not address.is_multicast


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _unwrapped(text: str) -> IP | None:
    """The address that a packet would reach; nothing for the forms that hide another inside."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        hidden = address.sixtofour or address.teredo or address in _TRANSLATED
        return None if hidden or address.scope_id else address
    return address


# NAT64 (RFC 6052): the last four bytes are an IPv4 address that somebody else would reach for us.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
# All that is handed out of IPv6 (RFC 4291); outside it lie `::127.0.0.1` and other old forms.
_UNICAST = ipaddress.ip_network("2000::/3")


def _allowed(environment: Mapping[str, str]) -> frozenset[str]:
    listed = environment.get(ALLOW_ENV, "").strip()
    if listed:
        return frozenset(_entry(e.strip()) for e in listed.split(",") if e.strip())
    given = {
        target.place
        for name, url in environment.items()
        if name.startswith("VERIFY_SOURCE_") and name.endswith("_URL")
        if (target := _readable(url)) is not None
    }
    return frozenset(given | {place("127.0.0.1", port) for port in SIMULATED_PORTS})


def _readable(url: str) -> Target | None:
    try:
        return plain_target(url, "")
    except ContentError:
        return None  # whoever opens the source reports it, with its place


def _entry(text: str) -> str:
    parts = urlsplit(f"//{text}")
    try:
        host, port = parts.hostname or "", parts.port or DEFAULT_PORTS["https"]
    except ValueError:
        host, port = "", 0
    if not _plain_host(host) or text not in (host, f"[{host}]", place(host, port)):
        raise ContentError(
            "an entry of the allow-list is neither a host nor host:port",
            where=ALLOW_ENV,
            remedy="separate entries by commas, for example data.example.gov.cn,10.20.0.5:8443",
        )
    return place(host, port)


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(n.strip()) for n in text.split(",") if n.strip())
    except ValueError:
        raise ContentError(
            "an entry is not a network",
            where=NETWORKS_ENV,
            remedy="separate networks by commas, for example 10.20.0.0/16,fd12::/32",
        ) from None
