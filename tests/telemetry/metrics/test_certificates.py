"""How long certificates are good for, by their files."""

from gateway.telemetry.metrics.exposition import certificate_families


def test_each_file_has_its_seconds_negative_once_it_expired() -> None:
    [family] = certificate_families([("/etc/a.pem", 3.5), ("/etc/b.pem", -2.0)])

    assert family.name == "gateway_tls_certificate_expiry_seconds"
    assert [(sample.labels, sample.value) for sample in family.samples] == [
        ({"certificate": "/etc/a.pem"}, 3.5),
        ({"certificate": "/etc/b.pem"}, -2.0),
    ]
