"""Signatures: one key, one algorithm, and it holds or it does not."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512, HashAlgorithm
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.keys import Key, KeySet
from gateway.decision.reason import Reason
from gateway.decision.token import CompactToken
from gateway.decision.tokens.jws import parse_compact
from gateway.decision.tokens.signature import verify_signature
from tests.faulty_key import FAULTS, FaultyKey, faulty_keys
from tests.tokens import ALGORITHMS, as_key, b64, kind_of, make_key, make_private, mint

CLAIMS = {"sub": "alice"}


def reason(token: bytes, keys: KeySet) -> Reason | None:
    """Return why *token*'s signature is refused, or None if it holds."""
    parsed = parse_compact(token)
    assert isinstance(parsed, CompactToken)
    deny = verify_signature(parsed, keys)
    return None if deny is None else deny.reason


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signature_holds_for_its_own_token_and_key_alone(algorithm: str) -> None:
    private, keys = make_key(algorithm)
    _, other_keys = make_key(algorithm, which=1)
    token = mint(private, algorithm, CLAIMS)
    head, _, signature = token.split(b".")
    other_payload = b".".join((head, b64(b'{"sub":"admin"}'), signature))

    assert reason(token, keys) is None
    assert reason(token, other_keys) is Reason.SIGNATURE_INVALID
    assert reason(other_payload, keys) is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_bit_of_a_signature_may_change(algorithm: str, place: int, bit: int) -> None:
    """8725.4."""
    private, keys = make_key(algorithm)
    parsed = parse_compact(mint(private, algorithm, CLAIMS))
    assert isinstance(parsed, CompactToken)
    changed = bytearray(parsed.signature)
    changed[place % len(changed)] ^= 1 << bit
    token = parsed.signing_input + b"." + b64(bytes(changed))

    assert reason(token, keys) is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("length", [0, 1, 63, 65, 257])
def test_a_signature_of_another_length_is_invalid(algorithm: str, length: int) -> None:
    """7518.3, CVE-2020-15084: the empty one too."""
    private, keys = make_key(algorithm)
    signing_input = mint(private, algorithm, CLAIMS).rpartition(b".")[0]

    token = signing_input + b"." + b64(b"\x01" * length)

    assert reason(token, keys) is Reason.SIGNATURE_INVALID


ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
CURVES: dict[str, ec.EllipticCurve] = {
    "ES256": ec.SECP256R1(),
    "ES384": ec.SECP384R1(),
    "ES512": ec.SECP521R1(),
}


@pytest.mark.parametrize(
    ("r", "s"), [(0, 0), (0, 1), (1, 0), (ORDER_P256, ORDER_P256), (ORDER_P256, 0)]
)
def test_the_zero_signature_is_invalid(r: int, s: int) -> None:
    """CVE-2022-21449."""
    private, keys = make_key("ES256")
    signing_input = mint(private, "ES256", CLAIMS).rpartition(b".")[0]

    token = signing_input + b"." + b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))

    assert reason(token, keys) is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize(("algorithm", "size"), [("ES256", 32), ("ES384", 48), ("ES512", 66)])
def test_a_good_signature_in_another_spelling_is_invalid(algorithm: str, size: int) -> None:
    """7518.3: R and S at full length, and not as DER, with more zeros or with fewer."""
    private, keys = make_key(algorithm)
    token = mint(private, algorithm, CLAIMS)
    parsed = parse_compact(token)
    assert isinstance(parsed, CompactToken)
    r, s = (
        int.from_bytes(half, "big") for half in (parsed.signature[:size], parsed.signature[size:])
    )
    spellings = [
        encode_dss_signature(r, s),
        b"".join(number.to_bytes(size + 1, "big") for number in (r, s)),
        b"\0" + parsed.signature,
        parsed.signature + b"\0",
        parsed.signature[size:] + parsed.signature[:size],
        parsed.signature[:size],
    ]

    assert len(parsed.signature) == 2 * size
    assert reason(token, keys) is None
    for spelling in spellings:
        respelt = parsed.signing_input + b"." + b64(spelling)
        assert reason(respelt, keys) is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize(
    ("algorithm", "used"), [("PS256", SHA256()), ("PS384", SHA384()), ("PS512", SHA512())]
)
def test_the_salt_of_a_pss_signature_is_as_long_as_the_hash(
    algorithm: str, used: HashAlgorithm
) -> None:
    """7518.5: and the mask is made with the same hash."""
    private, keys = make_key(algorithm)
    signing_input = mint(private, algorithm, CLAIMS).rpartition(b".")[0]
    size = used.digest_size

    def answer(salt_length: int, mask: HashAlgorithm = used) -> Reason | None:
        scheme = padding.PSS(padding.MGF1(mask), salt_length)
        signature = private.sign(signing_input, scheme, used)
        return reason(signing_input + b"." + b64(signature), keys)

    assert answer(size) is None
    for salt_length in {0, 1, 20, 32, 48, 64, size - 1, size + 1, 256 - size - 2} - {size}:
        assert answer(salt_length) is Reason.SIGNATURE_INVALID, salt_length
    assert answer(size, SHA1()) is Reason.SIGNATURE_INVALID


def public_forms(private: Any) -> list[bytes]:
    public = private.public_key()
    pem, der = serialization.Encoding.PEM, serialization.Encoding.DER
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    ssh = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return [public.public_bytes(pem, info), public.public_bytes(der, info), ssh]


@pytest.mark.parametrize("kind", ["RSA", "ES256", "Ed25519"])
@pytest.mark.parametrize("form", range(3))
def test_a_public_key_is_never_an_hmac_secret(kind: str, form: int) -> None:
    """8725.2, CVE-2022-29217, CVE-2016-10555, CVE-2024-33663, CVE-2026-39999."""
    private = make_private(kind)
    token = mint(public_forms(private)[form], "HS256", CLAIMS)
    careless = KeySet((as_key(private, algorithms=frozenset({"HS256"})),))

    assert reason(token, KeySet((as_key(private),))) is Reason.KEY_UNKNOWN
    assert reason(token, careless) is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize(("named", "made"), [("RS256", "RS512"), ("RS256", "PS256")])
def test_the_algorithm_that_the_header_names_is_the_one_that_is_checked(
    named: str, made: str
) -> None:
    """CVE-2026-48523."""
    private = make_private("RSA")
    token = mint(private, made, CLAIMS, headers={"alg": named})

    assert reason(token, KeySet((as_key(private),))) is Reason.SIGNATURE_INVALID
    assert reason(token, make_key(made)[1]) is Reason.KEY_UNKNOWN


def test_ed448_serves_eddsa_and_no_fixed_name() -> None:
    """8725.16: what EdDSA is, the curve of the key says."""
    private = make_private("Ed448")
    keys = KeySet((as_key(private),))
    token = mint(private, "EdDSA", CLAIMS)
    renamed = mint(private, "EdDSA", CLAIMS, headers={"alg": "Ed25519"})

    assert reason(token, keys) is None
    assert reason(renamed, keys) is Reason.KEY_UNKNOWN


@pytest.mark.parametrize(
    ("private", "made", "named"),
    [
        (ec.generate_private_key(ec.SECP256K1()), "ES256", "ES256"),
        (make_private("Ed448"), "EdDSA", "Ed25519"),
    ],
)
def test_a_key_of_another_curve_never_serves_whatever_its_description_says(
    private: Any, made: str, named: str
) -> None:
    """7518.3, 8725.2: the library alone would find that this signature holds."""
    token = mint(private, made, CLAIMS, headers={"alg": named})
    careless = KeySet((as_key(private, algorithms=frozenset({named})),))

    assert reason(token, careless) is Reason.SIGNATURE_INVALID


RSA, EC, EC2 = make_private("RSA"), make_private("ES256"), make_private("ES256", 1)


@pytest.mark.parametrize(
    ("kid", "keys", "answer"),
    [
        ("k1", [as_key(EC, "k1")], None),
        ("k1", [as_key(EC, "k1"), as_key(EC2, "k2")], None),
        ("k1", [as_key(EC, "k1"), as_key(RSA, "k1")], None),
        ("k1", [as_key(EC2, "k1"), as_key(EC, "k2")], Reason.SIGNATURE_INVALID),
        ("k1", [as_key(EC, "k1"), as_key(EC2, "k1")], None),
        ("k1", [as_key(EC2, "k1"), as_key(EC, "k1")], None),
        ("k1", [as_key(EC, "k1"), as_key(EC, "k1")], None),
        ("k1", [as_key(EC2, "k1"), as_key(EC2, "k1")], Reason.SIGNATURE_INVALID),
        ("k1", [as_key(EC2, "k1"), as_key(EC2, "k1"), as_key(EC, "k2")], Reason.SIGNATURE_INVALID),
        ("k1", [as_key(EC, None)], None),
        ("k1", [as_key(EC, None), as_key(EC2, "k2")], Reason.KEY_UNKNOWN),
        ("k1", [as_key(EC2, None), as_key(EC, None)], None),
        ("k1", [as_key(EC, "K1")], Reason.KEY_UNKNOWN),
        ("", [as_key(EC, "k1")], Reason.KEY_UNKNOWN),
        ("../../dev/null", [as_key(EC, "k1")], Reason.KEY_UNKNOWN),
        ("' OR 1=1 --", [as_key(EC, "k1")], Reason.KEY_UNKNOWN),
        ("k1", [], Reason.KEY_UNKNOWN),
        (None, [as_key(EC, "k1")], None),
        (None, [as_key(EC, None)], None),
        (None, [as_key(EC, "k1"), as_key(RSA, "k2")], None),
        (None, [as_key(EC, "k1"), as_key(EC2, "k2")], None),
        (None, [as_key(EC2, "k1"), as_key(EC, "k2")], None),
        (None, [as_key(EC2, "k1"), as_key(RSA, "k2")], Reason.SIGNATURE_INVALID),
        (None, [], Reason.KEY_UNKNOWN),
    ],
)
def test_one_of_the_keys_that_fit_name_and_algorithm_must_have_signed(
    kid: str | None, keys: list[Key], answer: Reason | None
) -> None:
    """7517.4, 8725.8."""
    assert reason(mint(EC, "ES256", CLAIMS, kid), KeySet(tuple(keys))) is answer


class CountingKey(FaultyKey):
    """Counts how often a signature is verified with it."""

    def __init__(self, counts: list[int]) -> None:
        super().__init__(None)
        self._counts = counts

    def verify(self, signature: bytes, data: bytes) -> None:  # type: ignore[override]
        self._counts[0] += 1
        super().verify(signature, data)


def counting_keys(number: int, kid: str | None) -> tuple[list[int], KeySet]:
    """Return so many keys that fit one token, and how often they were asked."""
    counts = [0]
    fitting = frozenset({"EdDSA"})
    return counts, KeySet(tuple(Key(kid, fitting, CountingKey(counts)) for _ in range(number)))


@pytest.mark.parametrize("kid", ["k1", None])
@pytest.mark.parametrize(
    ("keys", "checks", "answer"),
    [
        (1, 1, Reason.SIGNATURE_INVALID),
        (2, 2, Reason.SIGNATURE_INVALID),
        (4, 4, Reason.SIGNATURE_INVALID),
        (5, 4, Reason.KEY_UNKNOWN),
        (100, 4, Reason.KEY_UNKNOWN),
    ],
)
def test_a_hostile_token_costs_four_checks_at_most(
    kid: str | None, keys: int, checks: int, answer: Reason
) -> None:
    """However many keys fit. Where more do, nobody has said that the signature is wrong."""
    counts, key_set = counting_keys(keys, kid)
    forged = mint(make_private("Ed25519", 1), "EdDSA", CLAIMS, kid)

    assert reason(forged, key_set) is answer
    assert counts == [checks]


@pytest.mark.parametrize(("place", "answer"), [(0, None), (3, None), (4, Reason.KEY_UNKNOWN)])
def test_of_many_keys_that_fit_the_first_four_are_tried(place: int, answer: Reason | None) -> None:
    """In the order of the key set."""
    keys = [as_key(make_private("ES256", number), None) for number in range(1, 7)]
    keys.insert(place, as_key(EC, None))

    assert reason(mint(EC, "ES256", CLAIMS, None), KeySet(tuple(keys))) is answer


def test_no_other_key_is_tried_once_one_has_signed() -> None:
    counts, key_set = counting_keys(4, None)

    assert reason(mint(make_private("Ed25519", 0), "EdDSA", CLAIMS, None), key_set) is None
    assert counts == [1]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_check_that_fails_is_a_fault_of_ours_and_no_wrong_signature(fault: Exception) -> None:
    """Whoever runs out of descriptors must not tell users that their tokens are forged."""
    _, keys = faulty_keys(fault)

    for signer in (make_private("Ed25519"), make_private("Ed25519", 1)):
        with pytest.raises(type(fault)):
            reason(mint(signer, "EdDSA", CLAIMS), keys)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(signature=st.binary(max_size=600))
def test_no_octets_for_a_signature_make_a_fault_of_ours(algorithm: str, signature: bytes) -> None:
    """Anybody can send them: each is a wrong signature, by whichever key."""
    private, keys = make_key(algorithm)
    signing_input = mint(private, algorithm, CLAIMS).rpartition(b".")[0]

    assert reason(signing_input + b"." + b64(signature), keys) is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
@given(data=st.data())
def test_no_numbers_for_r_and_s_make_a_fault_of_ours(algorithm: str, data: st.DataObject) -> None:
    """7518.3: also those that are no element of the field, and those at its borders."""
    private, keys = make_key(algorithm)
    order = CURVES[algorithm].group_order
    size = (CURVES[algorithm].key_size + 7) // 8
    borders = st.sampled_from([0, 1, order - 1, order, order + 1, 256**size - 1])
    number = borders | st.integers(0, 256**size - 1)
    r, s = data.draw(number), data.draw(number)
    signing_input = mint(private, algorithm, CLAIMS).rpartition(b".")[0]
    signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")

    assert reason(signing_input + b"." + b64(signature), keys) is Reason.SIGNATURE_INVALID


def test_kinds_of_keys_cover_every_algorithm() -> None:
    assert {kind_of(algorithm) for algorithm in ALGORITHMS} == {
        "RSA", "ES256", "ES384", "ES512", "Ed25519", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "HMAC",
    }  # fmt: skip
