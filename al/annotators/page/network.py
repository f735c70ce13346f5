"""Where the page listens, under which names it answers, and what a wider network takes."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from al.errors import ConfigError

HOST = "127.0.0.1"
_USUAL = {"http": ":80", "https": ":443"}
#: What can be given, by name.
OPTIONS = {
    "host": "where it listens: 127.0.0.1, this machine alone; others take invited people and TLS",
    "port": "of the page; by default a free one, which it keeps",
    "cert": "file of the TLS certificate, PEM",
    "key": "file of its key, where that is another file",
    "address": "what people open, where a proxy or a name leads here: https://labels.example.com/",
    "plain": "on: without TLS in a network where nobody listens in; off",
}


@dataclass(frozen=True)
class Network:
    """Where the page is to be found.

    Attributes:
        host: name or address that it listens on.
        port: 0 for one that it chooses and keeps.
        cert: file of a certificate; "" where it speaks no TLS itself.
        key: file of its key.
        address: what people open; "" for host and port.
    """

    host: str = HOST
    port: int = 0
    cert: str = ""
    key: str = ""
    address: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Network:
        """As the user gives it.

        Raises:
            ConfigError: it would show the page, or links to it, to whoever listens in; or one
                of the options is none.
        """
        port, plain = given.get("port", "0"), given.get("plain", "off")
        if not port.isdecimal() or int(port) > 65535:
            raise _wrong(f"port={port!r} is not a port: give one up to 65535")
        if plain not in ("on", "off"):
            raise _wrong(f"plain={plain!r}: give on or off")
        cert, key = given.get("cert", ""), given.get("key", "")
        found = cls(given.get("host", HOST), int(port), cert, key or cert, given.get("address", ""))
        if key and not cert:
            raise _wrong(f"key={key}: give its certificate as well, by cert=FILE")
        scheme = found._check_address()
        if plain == "off" and not cert and not _loopback(found.host):
            raise _wrong(
                f"host={found.host} without TLS lets whoever listens in answer as others: give "
                "cert=FILE and key=FILE, or leave host out and put a proxy in front "
                "(docs/annotate.md); plain=on takes that risk"
            )
        if plain == "off" and scheme == "http":
            raise _wrong(f"address={found.address}: give one with https://, or plain=on")
        if not found.address and found.host in ("0.0.0.0", "::", ""):
            raise _wrong(
                f"host={found.host}: say what people open as well: address=https://NAME:PORT"
            )
        return found

    def _check_address(self) -> str:
        """The scheme of the address; "" without one."""
        if not self.address:
            return ""
        try:
            parts = urlsplit(self.address)
            good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            good = False
        if not good or parts.username or parts.query or parts.fragment:
            raise _wrong(
                f"address={self.address!r} is not an address: give https://NAME, https://NAME:PORT/PATH"
            )
        return parts.scheme

    @property
    def local(self) -> bool:
        """Only this machine gets here."""
        return _loopback(self.host) and not self.address

    def base(self, port: int) -> str:
        """What links begin with."""
        if self.address:
            return self.address.rstrip("/") + "/"
        return f"{'https' if self.cert else 'http'}://{_place(self.host, port)}/"

    def origins(self, port: int) -> dict[str, str]:
        """The origin of each `Host` that the page answers to."""
        scheme = "https" if self.cert else "http"
        hosts = [self.host] if self.host not in ("0.0.0.0", "::", "") else []
        if _loopback(self.host) and not self.cert:
            hosts += ["127.0.0.1", "localhost"]
        found = {_place(host, port).lower(): scheme for host in hosts}
        if self.address:
            parts = urlsplit(self.address)
            found[parts.netloc.lower()] = parts.scheme
        # Browsers leave out the usual port of a scheme, in `Host` and `Origin`.
        short = {place: place.removesuffix(_USUAL[scheme]) for place, scheme in found.items()}
        origins = {place: f"{scheme}://{short[place]}" for place, scheme in found.items()}
        return origins | {short[place]: origin for place, origin in origins.items()}

    def tls(self) -> ssl.SSLContext | None:
        """How to speak TLS; None without.

        Raises:
            ConfigError: the files are none.
        """
        if not self.cert:
            return None

        def locked() -> str:
            raise _wrong(f"key={self.key} is locked by a password: give one that is not")

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.cert, self.key, password=locked)
        except (OSError, ssl.SSLError) as error:
            raise _wrong(
                f"cert={self.cert}, key={self.key}: {error.strerror or error}: give a "
                "certificate and its key as PEM files"
            ) from None
        return context


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _wrong(line: str) -> ConfigError:
    return ConfigError(f"annotator 'page': {line}")
