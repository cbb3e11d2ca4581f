"""The shape of what is said of TLS: which keys there are, and what stands for one left out."""

import pytest
from pydantic import ValidationError

from gateway.settings.schema.tls import (
    CertificateModel,
    FetchTlsModel,
    TlsModel,
    UpstreamTlsModel,
)

PAIR = {"certificate": "a.pem", "key": "a.key"}


def test_the_data_port_needs_a_certificate_and_asks_nobody_for_one() -> None:
    model = TlsModel.model_validate(PAIR)

    assert (model.certificates, model.client_ca) == (None, None)
    assert model.client_certificates == "required"  # of no effect before there is a client_ca


def test_an_upstream_needs_nothing() -> None:
    assert UpstreamTlsModel.model_validate({}) == UpstreamTlsModel()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (CertificateModel, {"certificate": "a.pem"}),
        (CertificateModel, {"certificate": "", "key": "a.key"}),
        (TlsModel, {**PAIR, "certificates": []}),
        (TlsModel, {**PAIR, "certificates": [{"certificate": "b.pem"}]}),
        (TlsModel, {**PAIR, "client_certificates": "always"}),
        (TlsModel, {**PAIR, "min_version": "TLSv1"}),
        (UpstreamTlsModel, {"verify": False}),
        (UpstreamTlsModel, {"server_name": ""}),
        (FetchTlsModel, {}),
        (FetchTlsModel, {"ca": "ca.pem", "verify": False}),
    ],
)
def test_nothing_else_is_said(kind: type[CertificateModel], value: dict[str, object]) -> None:
    """Neither an older version nor a certificate that is not checked can be asked for."""
    with pytest.raises(ValidationError):
        kind.model_validate(value)
