"""Domains with MTA-STS policies, as words describe them, and their policy hosts in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twisted.internet.protocol import Protocol

from mailext.net.https import HttpsClient
from mailext.net.sts_policy_host import PolicyHosts
from mailext.net.tls import ServerContextFactory
from mailext.storage.store import open_store_offline
from mailext.testing.dns import DnsFault
from mailext.trust.mta_sts.authenticator import StsAuthenticator
from mailext.trust.mta_sts.policies import StsPolicies
from mailext.trust.mta_sts.policy import StsMode, StsPolicy
from tests.delivery.relay_site import POLICY_HOSTS, RelaySite
from tests.support import success_result_of

_PATTERNS = {
    "a": ("a.example.net",),
    "b": ("b.example.net",),
    "both": ("b.example.net", "A.example.net".lower()),
    "any": ("*.example.net",),
    "net": ("example.net",),
    "smart": ("smart.example.com",),
    "other": ("mx.example.org", "*.com", "*.a.example.net", "net"),
}

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


class PolicyHost(Protocol):
    """Answers the first request with what is given, and parts."""

    def __init__(self, site: StsSite, tls: ServerContextFactory, said: bytes) -> None:
        self._site = site
        self._tls = tls
        self._said = said
        self._request = b""

    def connectionMade(self) -> None:
        self.transport.startTLS(self._tls)

    def dataReceived(self, data: bytes) -> None:
        self._request += data
        if self._request.endswith(b"\r\n\r\n"):
            self._site.requests.append(self._request)
            if self._said:
                self.transport.write(self._said)
                self.transport.loseConnection()


class StsSite:
    """
    :ivar requests: what policy hosts were asked.
    """

    def __init__(self, site: RelaySite, state: Path) -> None:
        self.site = site
        self.requests: list[bytes] = []
        self.store = open_store_offline(state)
        client = HttpsClient(site.world.clock, site.world.dial, site.resolver, site.pki.roots)
        self.policies = StsPolicies(
            site.resolver, PolicyHosts(client).fetch, self.store.sts_policies, site.world.clock
        )
        self.authenticator = StsAuthenticator(self.policies)

    def publish(self, words: str, domain: str = "example.net") -> None:
        """
        What a domain publishes. A mode and who is covered: ``enforce any``; or
        ``-``. ``web=WORD`` is what is wrong with the policy host: a status, a
        certificate, ``dead``, ``mute``, ``html``, ``cut``, ``big``,
        ``nonsense``; ``txt=WORD`` what is wrong with the record: a fault of
        DNS, ``twice``, ``nonsense``, ``gone``.
        """
        said = dict(word.split("=") for word in words.split() if "=" in word)
        mode, *covered = [word for word in words.split() if "=" not in word]
        if mode == "-":
            self.site.records.add(f"_mta-sts.{domain}", "TXT")
            return
        policy = StsPolicy(StsMode(mode), 604800, _PATTERNS[covered[0]] if covered else ())
        self._record(domain, policy, said.get("txt", ""))
        self._host(f"mta-sts.{domain}", policy, said.get("web", ""))

    def remember(self, words: str, domain: str = "example.net") -> None:
        """A policy that was known before."""
        self.publish(words, domain)
        self.site.world.result(self.policies.find(domain))
        self.requests.clear()

    def _record(self, domain: str, policy: StsPolicy, wrong: str) -> None:
        name, text = f"_mta-sts.{domain}", f'"v=STSv1; id={policy.id};"'
        texts = {"twice": [text, text.replace("id=", "id=x")], "nonsense": ['"v=STSv1; id=a-b"'], "gone": []}
        if wrong in DnsFault.__members__:
            self.site.records.fail(name, "TXT", DnsFault[wrong])
        else:
            self.site.records.add(name, "TXT", *texts.get(wrong, [text]))

    def _host(self, host: str, policy: StsPolicy, wrong: str) -> None:
        address, servers = POLICY_HOSTS[host], self.site.pki.servers
        self.site.records.add(host, "A", address)
        text = policy.text
        whole = _OK + b"Content-Length: %d\r\n\r\n%s" % (len(text), text)
        said = {
            "mute": b"",
            "html": whole.replace(b"text/plain", b"text/html"),
            "cut": whole[:-5],
            "big": _OK + b"Content-Length: 100000\r\n\r\n" + text * 1000,
            "nonsense": _OK + b"Content-Length: 6\r\n\r\n<html>",
            "301": b"HTTP/1.1 301 Moved\r\nLocation: https://x.example/\r\nContent-Length: 0\r\n\r\n",
        }.get(wrong, whole.replace(b"200 OK", f"{wrong} No".encode()) if wrong.isdigit() else whole)
        tls = servers.get(wrong, servers["good"])
        self.site.world.servers.pop(address, None)
        if wrong != "dead":
            self.site.world.servers[address] = lambda: PolicyHost(self, tls, said)


@contextmanager
def sts_site(site: RelaySite, state: Path) -> Iterator[StsSite]:
    """A relay that knows MTA-STS too."""
    made = StsSite(site, state)
    try:
        yield made
    finally:
        success_result_of(made.store.close())
