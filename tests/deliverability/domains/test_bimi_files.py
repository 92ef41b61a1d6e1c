"""The picture and the certificate of a logo: each fault by its name, and what they may have."""

import gzip

import pytest

from app.core import clock
from tests.deliverability.domains.logo import BOTH, RECORD, faults, look, marked, on_the_page
from tests.deliverability.domains.marks import DAY, INNER, ROOT, Issuer, pem, svg
from tests.deliverability.domains.nest import NAME, Nest
from tests.deliverability.domains.web import PICTURE, Web


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (svg(INNER + "<desc>" + "x" * 33_000 + "</desc>"), "bimi-svg-large"),
        (svg(before='<!DOCTYPE svg [<!ENTITY a "b">]>'), "bimi-svg-doctype"),
        (svg(INNER + "&a;"), "bimi-svg-unreadable"),
        (svg(INNER + "<g>"), "bimi-svg-unreadable"),
        (svg(before='\n<?xml version="1.0"?>'), "bimi-svg-unreadable"),
        (svg("<title>\xff</title>").replace("\xff".encode(), b"\xff"), "bimi-svg-unreadable"),
        (svg("<g>" * 4000 + "</g>" * 4000), "bimi-svg-unreadable"),
        (b"", "bimi-svg-unreadable"),
        (b"\x89PNG\r\n", "bimi-svg-unreadable"),
        (b"<html><body>Not found</body></html>", "bimi-svg-root"),
        (svg(root=ROOT.replace("http://www.w3.org/2000/svg", "urn:x")), "bimi-svg-root"),
        (svg(root=ROOT.replace("1.2", "1.1")), "bimi-svg-version"),
        (svg(root=ROOT.replace("-ps", "")), "bimi-svg-profile"),
        (svg(INNER.replace("Aviary", " ")), "bimi-svg-title"),
        (svg(f"<g>{INNER}</g>"), "bimi-svg-title"),
        (svg(INNER + "<title>Again</title>"), "bimi-svg-titles"),
        (svg(root=ROOT + ' x="0px"'), "bimi-svg-position"),
        (svg(root=ROOT.replace("0 0 96 96", "0 0 96")), "bimi-svg-viewbox"),
        (svg(root=ROOT.replace("0 0 96 96", "0 0 nan nan")), "bimi-svg-viewbox"),
        (svg(root=ROOT.replace("0 0 96 96", "0 0 -9 -9")), "bimi-svg-viewbox"),
        (svg(root=ROOT.replace("0 0 96 96", "0,0,192,96")), "bimi-svg-square"),
        (svg(INNER + "<script>1</script>"), "bimi-svg-script"),
        (svg(INNER + '<g onclick="1"/>'), "bimi-svg-script"),
        (svg(INNER + '<g><set attributeName="x"/></g>'), "bimi-svg-animation"),
        (svg(INNER + "<foreignObject/>"), "bimi-svg-elements"),
        (svg(INNER + '<image width="9" height="9"/>'), "bimi-svg-elements"),
        (svg(INNER + '<x:named xmlns:x="urn:editor"/>'), "bimi-svg-elements"),
        (svg(INNER + '<use xlink:href="b.svg#a" xmlns:xlink="http://www.w3.org/1999/xlink"/>'), "bimi-svg-external"),
        (svg(INNER + '<rect fill="url( https://b.test/#a)"/>'), "bimi-svg-external"),
        (svg(before='<?xml-stylesheet href="https://b.test/a.css"?>'), "bimi-svg-external"),
        (svg(INNER + '<rect style="fill:red"/>'), "bimi-svg-style"),
    ],
)
def test_each_fault_of_a_picture_is_named(nest: Nest, web: Web, picture: bytes, code: str) -> None:
    nest.zone.publish(RECORD, "TXT", f"v=BIMI1; l={PICTURE};")
    web.put("/logo.svg", picture)
    assert faults(nest) == {code}
    assert len(on_the_page(nest).faults) == 1
    assert nest.blocks() == []


@pytest.mark.parametrize(
    "picture",
    [
        svg(before='<?xml version="1.0" encoding="UTF-8"?>\n<!-- drawn by hand -->\n'),
        svg(INNER + '<g id="a"/><use xlink:href="#a" xmlns:xlink="http://www.w3.org/1999/xlink" fill="url(#b)"/>'),
        svg(INNER + '<metadata><x:any xmlns:x="urn:editor" href="https://b.test"/></metadata>'),
        svg(root=ROOT.replace("0 0 96 96", "-1.5,-1.5 1e2,100")),
        gzip.compress(svg()),
        svg().decode().encode("utf-16"),
    ],
)
def test_what_a_picture_may_have(nest: Nest, web: Web, picture: bytes) -> None:
    nest.zone.publish(RECORD, "TXT", f"v=BIMI1; l={PICTURE};")
    web.put("/logo.svg", picture)
    assert look(nest).state == "ok"


def test_what_only_some_receivers_ask_of_a_picture(nest: Nest, web: Web) -> None:
    root = ROOT.replace(' width="96"', ' width="100%"')
    web.put("/logo.svg", svg(INNER.replace("Aviary", "A" * 65), root), "text/plain; charset=utf-8")
    nest.zone.publish(RECORD, "TXT", f"v=BIMI1; l={PICTURE}; a=")
    found = look(nest)
    assert found.state == "ok"
    assert {problem.code for problem in found.problems} == {
        *("bimi-svg-long-title", "bimi-svg-pixels", "bimi-svg-fine", "bimi-picture-type", "bimi-no-certificate")
    }


def test_each_fault_of_a_certificate_is_named(nest: Nest, web: Web, issuer: Issuer) -> None:
    now, own, other = clock.now(), issuer.mark(), Issuer()
    ended = Issuer(issuing_until=now - DAY)
    for code, file in {
        "bimi-cert-no-pem": b"\x30\x82",
        "bimi-cert-unreadable": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "bimi-cert-key": issuer.chain(own) + b"-----BEGIN EC PRIVATE KEY-----\n",
        "bimi-cert-alone": pem(own),
        "bimi-cert-order": pem(issuer.issuing.certificate, own),
        "bimi-cert-ended": marked(issuer, until=now - DAY),
        "bimi-cert-not-yet": marked(issuer, since=now + DAY),
        "bimi-cert-issuer-ended": ended.chain(ended.mark()),
        "bimi-cert-names": issuer.chain(issuer.mark(f"www.{NAME}", f"*.{NAME}", f"other._bimi.{NAME}")),
        "bimi-cert-usage": marked(issuer, usage="1.3.6.1.5.5.7.3.1"),
        "bimi-cert-logotype": marked(issuer, picture=None),
        "bimi-differs": marked(issuer, picture=svg() + b"\n"),
    }.items():
        web.put("/mark.pem", file)
        assert faults(nest) == {code}, code
        assert len(on_the_page(nest).faults) == 1
    for file in (pem(own, other.issuing.certificate), issuer.chain(own) + pem(own), pem(own) * 11):
        web.put("/mark.pem", file)
        assert faults(nest) & {"bimi-cert-order", "bimi-cert-no-pem"}
    web.put("/mark.pem", issuer.chain(issuer.mark("")))
    assert faults(nest) == {"bimi-cert-names"}
    web.put("/mark.pem", pem(issuer.root.certificate))
    assert "bimi-cert-self" in faults(nest)
    assert nest.blocks() == []


@pytest.mark.parametrize("name", [NAME.upper(), f"default._bimi.{NAME}"])
def test_names_that_a_certificate_may_have(nest: Nest, web: Web, issuer: Issuer, name: str) -> None:
    web.put("/mark.pem", issuer.chain(issuer.mark("other.example.com", name)))
    assert look(nest).state == "ok"


def test_the_logo_of_the_organisation_serves_a_domain_below(nest: Nest, web: Web, issuer: Issuer) -> None:
    nest.zone.drop(RECORD, "TXT")
    nest.zone.publish(f"_dmarc.{NAME}", "TXT", "v=DMARC1; p=none")
    nest.zone.publish("_dmarc.internal", "TXT", "v=DMARC1; p=reject")
    nest.zone.publish("default._bimi.internal", "TXT", BOTH)
    web.put("/mark.pem", issuer.chain(issuer.mark("internal")))
    assert faults(nest) == {"bimi-policy"}


@pytest.mark.parametrize(
    ("mark", "code", "words"),
    [
        ("Government Mark", "bimi-cert-vmc", "is a VMC"),
        ("Prior Use Mark", "bimi-cert-cmc", "but not the check mark that a VMC brings"),
        ("Modified Registered Mark", "bimi-cert-cmc", "is a CMC"),
        ("", "bimi-cert-kind", "does not say whether it is a VMC or a CMC"),
        ("Mark of\x00Cain", "bimi-cert-kind", "kind of mark: Mark of<U+0000>Cain"),
    ],
)
def test_kinds_of_certificates(nest: Nest, web: Web, issuer: Issuer, mark: str, code: str, words: str) -> None:
    web.put("/mark.pem", marked(issuer, mark=mark))
    assert look(nest).has(code)
    assert any(words in note for note in on_the_page(nest).notes)


def test_a_picture_in_the_certificate_that_cannot_be_read_is_not_compared(nest: Nest, web: Web, issuer: Issuer) -> None:
    web.put("/mark.pem", marked(issuer, inside=b"\x30\x84\xff\xff\xff\xff"))
    found = look(nest)
    assert (found.state, found.has("bimi-not-compared")) == ("ok", True)
