"""Keys that lie on this machine: the same as any other, without a network."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.decision.tenants import Tenants
from gateway.fetching.document import FetchFailed
from gateway.fetching.files import Files
from gateway.keyring.jwk import ParsedSet
from gateway.keyring.local_source import is_local, parse_published, read_local_keys, secret_keys
from gateway.settings.values.configuration import KeySource, SourceKind
from tests.keyring.keys import P256_KEYS, ec_jwk, jwks
from tests.keyring.peers import issuer_settings

PEM = P256_KEYS[0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("kind", SourceKind)
def test_only_what_has_a_url_is_elsewhere(kind: SourceKind) -> None:
    remote = {
        *(SourceKind.DISCOVERY, SourceKind.DISCOVERY_URL, SourceKind.JWKS_URL),
        SourceKind.INTROSPECTION,
    }

    assert is_local(KeySource(kind, "x")) is (kind not in remote)


@pytest.mark.parametrize(
    ("kind", "body"), [(SourceKind.JWKS_FILE, jwks(ec_jwk())), (SourceKind.PEM_FILE, PEM)]
)
async def test_a_file_is_read_as_its_kind_says(
    kind: SourceKind, body: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "keys"
    file.write_bytes(body)

    parsed = await read_local_keys(Files(), issuer_settings(kind, str(file)))

    assert [key.material for key in parsed.keys] == [P256_KEYS[0].public_key()]


async def test_a_secret_is_a_key() -> None:
    settings = issuer_settings(SourceKind.SECRET, "", secret=b"s" * 32)

    (key,) = (await read_local_keys(Files(), settings)).keys

    assert (key.kid, key.material) == (None, b"s" * 32)


async def test_a_file_that_is_no_key_set_is_named_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(b"[]")

    with pytest.raises(FetchFailed, match="keys: not a JSON object"):
        await read_local_keys(Files(), issuer_settings(SourceKind.JWKS_FILE, str(file)))


COMMON = "https://login.microsoftonline.com/{tenantid}/v2.0"
PERSONAL = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"
OLD = "https://sts.windows.net/{tenantid}/"


@pytest.mark.parametrize(
    ("named", "is_used"),
    [
        ({"issuer": COMMON}, True),
        ({"issuer": OLD}, True),
        ({}, True),
        ({"issuer": PERSONAL}, False),
        ({"issuer": "https://login.microsoftonline.com/{tenantId}/v2.0"}, False),
        ({"issuer": ""}, False),
        ({"issuer": None}, False),
        ({"issuer": [COMMON]}, False),
    ],
)
def test_a_key_for_one_tenant_signs_for_no_other(named: dict[str, object], is_used: bool) -> None:
    """Storm-0558, 2023: a key for personal accounts signed for organizations."""
    issuer = issuer_settings(SourceKind.DISCOVERY_URL, "x", issuer=COMMON).issuer
    tenants = Tenants(("tid",), frozenset({"contoso"}), (COMMON, OLD))
    body = jwks(ec_jwk(kid="all"), {**ec_jwk(P256_KEYS[1], kid="one"), **named})

    parsed = parse_published(body, replace(issuer, tenants=tenants))
    without_tenants = parse_published(body, issuer)

    assert isinstance(parsed, ParsedSet)
    assert [key.kid for key in parsed.keys] == (["all", "one"] if is_used else ["all"])
    assert parsed.unusable == (() if is_used else ("key 1: it signs for another issuer",))
    assert isinstance(without_tenants, ParsedSet)
    assert len(without_tenants.keys) == 2, "RFC 7517 §4: unknown members are ignored"


async def test_a_disk_that_hangs_is_given_up() -> None:
    goes_on = threading.Event()

    def read(name: str, count: int) -> bytes:
        goes_on.wait(10)
        return b""

    settings = issuer_settings(SourceKind.PEM_FILE, "keys.pem", fetch_timeout_seconds=0.01)
    with pytest.raises(FetchFailed, match=r"keys\.pem: not read in 0\.01 s"):
        await read_local_keys(Files(read), settings)
    goes_on.set()


@pytest.mark.parametrize(
    ("size_bytes", "algorithms"),
    [
        (0, set()),
        (31, set()),
        (32, {"HS256"}),
        (47, {"HS256"}),
        (48, {"HS256", "HS384"}),
        (64, {"HS256", "HS384", "HS512"}),
    ],
)
def test_a_secret_serves_the_algorithms_it_is_long_enough_for(
    size_bytes: int, algorithms: set[str]
) -> None:
    """7518.2."""
    parsed = secret_keys(b"x" * size_bytes)

    assert set().union(*(key.algorithms for key in parsed.keys)) == algorithms
    assert bool(parsed.keys) != bool(parsed.unusable)
