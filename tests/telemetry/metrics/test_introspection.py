"""Questions to issuers are counted by what became of them, from the start on."""

from gateway.telemetry.metrics.introspection import IntrospectionMetrics, introspection_families


def test_each_result_is_counted_for_each_issuer() -> None:
    metrics = IntrospectionMetrics()
    assert not [one for family in introspection_families(metrics) for one in family.samples]

    metrics.expect("idp")
    metrics.count("idp", "active")
    metrics.count("idp", "active")
    metrics.expect("idp")

    (family,) = introspection_families(metrics)
    assert {one.labels["result"]: one.value for one in family.samples} == {
        "active": 2, "inactive": 0, "failed": 0, "cached": 0, "overload": 0, "paused": 0,
    }  # fmt: skip
    assert {one.name for one in family.samples} == {"gateway_introspections_total"}
