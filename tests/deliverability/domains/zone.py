"""A name server on the loopback interface with records of every type, and zones as a dictionary for pure tests."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from app.core.errors import TemporaryFailure
from app.deliverability.domains.records.dns import Answer
from app.mail.dkim_keys import txt_strings
from tests.sending.domains.nameserver import asked

SOA = "ns.aviary.internal. hostmaster.aviary.internal. 1 3600 600 86400 60"


class Zone:
    """Records by name and type. Names above others exist; others do not."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.silent: set[str] = set()
        self.failing: set[str] = set()
        self.failing_kinds: set[tuple[str, str]] = set()
        """Names, and types at a name, of which the server says that it cannot tell."""
        self.is_silent = False
        self.asked: list[tuple[str, str]] = []

    def publish(self, name: str, kind: str, *values: str) -> None:
        self.records[name.lower(), kind] = list(values)

    def drop(self, name: str, kind: str) -> None:
        del self.records[name.lower(), kind]

    def exists(self, name: str) -> bool:
        return any(known == name or known.endswith("." + name) for known, _kind in self.records)

    def ask(self, name: str, kind: str) -> Answer:
        """As the checks ask."""
        self.asked.append((name, kind))
        if self.is_silent or name in self.silent:
            raise TemporaryFailure("DNS did not answer.")
        values = self.records.get((name.lower(), kind), [])
        return Answer(tuple(values), exists=self.exists(name.lower()))


class Server:
    """Serves a zone by UDP."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def serve(self) -> None:
        while True:
            raw, peer = self._socket.recvfrom(4096)
            if not raw:
                return
            answer = self._answer(dns.message.from_wire(raw))
            if answer is not None:
                self._socket.sendto(answer.to_wire(), peer)

    def stop(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))

    def close(self) -> None:
        self._socket.close()

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.zone.asked.append((name, kind))
        if self.zone.is_silent or name in self.zone.silent:
            return None
        response = dns.message.make_response(query)
        if name in self.zone.failing or (name, kind) in self.zone.failing_kinds:
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        if alias := self.zone.records.get((name, "CNAME")):
            response.answer.append(dns.rrset.from_text(name + ".", 60, "IN", "CNAME", *alias))
            name = alias[0].rstrip(".")
        values = self.zone.records.get((name, kind), [])
        if kind == "TXT":
            values = [" ".join(f'"{piece}"' for piece in txt_strings(value)) for value in values]
        if values:
            response.answer.append(dns.rrset.from_text(name + ".", 60, "IN", kind, *values))
        elif not self.zone.exists(name):
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif apex := self._apex(name):
            response.authority.append(dns.rrset.from_text(apex + ".", 60, "IN", "SOA", SOA))
        return response

    def _apex(self, name: str) -> str:
        labels = name.split(".")
        above = (".".join(labels[start:]) for start in range(len(labels)))
        return next((each for each in above if (each, "SOA") in self.zone.records), "")


@contextmanager
def at_work(zone: Zone) -> Iterator[Zone]:
    """The application asks this zone for the length of the block."""
    with asked(Server(zone)):
        yield zone
