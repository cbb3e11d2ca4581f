"""The schema of TLS options."""

from typing import Literal

from pydantic import ConfigDict, Field

from gateway.settings.schema.texts import FileText, ServerName
from gateway.settings.schema.types import Strict


class CertificateModel(Strict):
    """A certificate and its key."""

    certificate: FileText = Field(description="PEM file: the certificate and its chain.")
    key: FileText = Field(description="PEM file: the private key of the certificate.")


class TlsModel(CertificateModel):
    """TLS on the data port."""

    certificates: list[CertificateModel] | None = Field(
        default=None,
        min_length=1,
        description="More certificates, each for clients that ask for one of its names (SNI).",
    )
    client_ca: FileText | None = Field(
        default=None,
        description="PEM file: authorities that sign client certificates.",
    )
    client_certificates: Literal["required", "optional"] = Field(
        default="required",
        description="With `client_ca`: whether clients need a certificate.",
    )


class UpstreamTlsModel(Strict):
    """TLS to the servers of an upstream."""

    model_config = ConfigDict(
        json_schema_extra={"dependentRequired": {"certificate": ["key"], "key": ["certificate"]}}
    )

    ca: FileText | None = Field(
        default=None,
        description="PEM file: authorities to trust instead of the machine's.",
    )
    server_name: ServerName | None = Field(
        default=None,
        description="The name in their certificates; by default the host of each.",
    )
    certificate: FileText | None = Field(
        default=None, description="PEM file: the client certificate to present, and its chain."
    )
    key: FileText | None = Field(
        default=None, description="PEM file: the private key of the certificate."
    )


class FetchTlsModel(Strict):
    """TLS for fetching a document."""

    ca: FileText = Field(description="PEM file: the only authorities to trust.")
