"""The shape of what a configuration file says about TLS."""

from typing import Literal

from pydantic import Field

from gateway.settings.schema.types import Strict, Text


class CertificateModel(Strict):
    """A certificate and its key."""

    certificate: Text = Field(description="PEM file: the certificate and its chain.")
    key: Text = Field(description="PEM file: the private key of the certificate.")


class TlsModel(CertificateModel):
    """TLS on the data port."""

    certificates: list[CertificateModel] | None = Field(
        default=None,
        min_length=1,
        description="More of them, each for clients that ask for one of its names.",
    )
    client_ca: Text | None = Field(
        default=None,
        description="PEM file: authorities that sign the certificates of clients.",
    )
    client_certificates: Literal["required", "optional"] = Field(
        default="required",
        description="With `client_ca`: whether clients without a certificate get in.",
    )


class UpstreamTlsModel(Strict):
    """TLS to the servers of an upstream."""

    ca: Text | None = Field(
        default=None,
        description="PEM file: authorities to trust in place of the machine's.",
    )
    server_name: Text | None = Field(
        default=None,
        description="The name in their certificates; by default the host of each.",
    )
    certificate: Text | None = Field(
        default=None, description="PEM file: the certificate to show them, and its chain."
    )
    key: Text | None = Field(
        default=None, description="PEM file: the private key of the certificate."
    )


class FetchTlsModel(Strict):
    """TLS to whoever a document is fetched from."""

    ca: Text = Field(description="PEM file: the authorities to trust, and no others.")
