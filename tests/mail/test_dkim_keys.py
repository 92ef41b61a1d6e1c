"""Keys that verifiers take, and records in which they find them."""

import base64

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.core.errors import Invalid
from app.mail.dkim import Signer
from app.mail.dkim_keys import algorithm_of, key_matches, make_key, public_record, read_key, txt_strings
from tests.mail.verifier import ED25519, RSA


def pem(key, encryption=None) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption or serialization.NoEncryption()
    ).decode()


def rsa_of_mersenne_primes(p: int, q: int) -> rsa.RSAPrivateKey:
    """A key of a size that no maker of keys offers, from the primes 2**p - 1 and 2**q - 1."""
    p, q, e = 2**p - 1, 2**q - 1, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key(
        unsafe_skip_rsa_key_validation=True
    )


def test_a_new_key_is_read_back_and_its_record_found_good():
    for algorithm, kind in (("rsa-sha256", b"rsa"), ("ed25519-sha256", b"ed25519")):
        key = read_key(make_key(algorithm))
        assert algorithm_of(key) == algorithm
        assert key_matches(public_record(key), key)
        if kind == b"rsa":
            assert key.key_size == 2048
            assert dkim.evaluate_pk("m1._domainkey.example.com", public_record(key))[1:3] == (2048, kind)
    assert make_key() != make_key()


def test_the_record_of_rfc_8463():
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="))
    assert public_record(key) == "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def test_a_record_is_cut_into_strings_that_a_zone_takes():
    record = public_record(RSA)
    strings = txt_strings(record)
    assert "".join(strings) == record
    assert [len(string) for string in strings] == [255, len(record) - 255]
    assert txt_strings(public_record(ED25519)) == [public_record(ED25519)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (lambda: "", "cannot be read"),
        (lambda: "m1", "cannot be read"),
        (lambda: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be read"),
        (lambda: pem(RSA, serialization.BestAvailableEncryption(b"x")), "password"),
        (lambda: pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
        (lambda: pem(rsa_of_mersenne_primes(521, 127)), "648 bits"),
        (lambda: pem(rsa_of_mersenne_primes(2203, 2281)), "4484 bits"),
    ],
)
def test_keys_that_cannot_sign_are_refused_with_the_reason(text, reason):
    with pytest.raises(Invalid, match=reason) as caught:
        read_key(text())
    assert "AAAA" not in str(caught.value)


def test_a_public_key_is_refused():
    public = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(Invalid, match="not a public key"):
        read_key(public.decode())


def test_a_signer_looks_at_its_key_too():
    with pytest.raises(Invalid, match="648 bits"):
        Signer("example.com", "m1", rsa_of_mersenne_primes(521, 127))
    with pytest.raises(Invalid, match="neither"):
        Signer("example.com", "m1", ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(Invalid, match="ed25519-sha256, not rsa-sha256"):
        Signer("example.com", "m1", ED25519)


def test_records_as_people_write_them_match():
    record = public_record(RSA)
    p = record.partition("p=")[2]
    bare = RSA.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    for same in (
        f"p={p}",
        f"v=DKIM1;p={p};",
        f"v=DKIM1 ; t=s:y ; n=a note ; p = {p[:100]} {p[100:]} ",
        f"v=DKIM1; k=rsa; h=sha1:sha256; s=email:other; p={p}",
        f"v=DKIM1; k=rsa; p={base64.b64encode(bare).decode()}",
    ):
        assert key_matches(same, RSA), same


def test_records_that_verifiers_would_not_use_do_not_match():
    record = public_record(RSA)
    p = record.partition("p=")[2]
    other = read_key(make_key("rsa-sha256"))
    for wrong in (
        "",
        "v=spf1 -all",
        "v=DKIM1; k=rsa; p=",
        "v=DKIM1; k=rsa",
        f"v=DKIM2; p={p}",
        f"k=ed25519; p={p}",
        f"h=sha1; p={p}",
        f"s=tlsrpt; p={p}",
        f"p={p[:-8]}",
        f"p={p[:100]}!{p[100:]}",
        "p=ü",
        public_record(other),
        public_record(ED25519),
        public_record(ED25519).replace("ed25519", "rsa"),
    ):
        assert not key_matches(wrong, RSA), wrong
    assert not key_matches(record, ED25519)
    assert not key_matches(public_record(ED25519).replace("k=ed25519; ", ""), ED25519)
    assert not key_matches(public_record(read_key(make_key("ed25519-sha256"))), ED25519)
