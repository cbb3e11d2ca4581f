"""Show Prometheus how long certificates are good for."""

from collections.abc import Iterable, Iterator

from prometheus_client import Metric

from gateway.telemetry.families import gauge


def certificate_families(seconds_left: Iterable[tuple[str, float]]) -> Iterator[Metric]:
    """Yield the family about certificates; *seconds_left* are by file, negative once expired."""
    yield gauge(
        "gateway_tls_certificate_expiry_seconds",
        "Time until the certificate expires; negative once it has.",
        [((file,), seconds) for file, seconds in seconds_left],
        ("certificate",),
    )
