"""The law of attacks: only what a configuration itself leaves open gets through."""

from hypothesis import HealthCheck, assume, given, settings

from gateway.suites.hostile.findings import Kind
from gateway.suites.hostile.run_attacks import Campaign
from gateway.suites.simulation.sandbox import Sandbox
from tests.suites.differences.test_laws import Config, configs, load
from tests.suites.worlds import AT

# A more open route around a guarded one takes other spellings of its path, or other hosts. No
# route can refuse what it is never asked for.
LEFT_OPEN = frozenset(
    {
        "path-trailing-slash",
        "path-trailing-dot",
        "path-trailing-space",
        "path-suffix",
        "path-other-case",
        "host-replaced",
        "host-override",
    }
)
# An issuer whose audiences are unchecked says so.
UNCHECKED = frozenset({"wrong-audience", "no-audience"})


# Each example is a few thousand attacks.
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(configs())
def test_nothing_gets_through_but_what_a_more_open_route_takes(config: Config) -> None:
    loaded = load(config)
    assume(loaded is not None)
    assert loaded is not None

    report = Campaign(Sandbox(loaded.settings, AT), loaded.places).run()

    issuers = loaded.settings.issuers.values()
    unchecked = any(one.issuer.audiences is None for one in issuers)
    for finding in report.failures:
        if finding.kind is Kind.OPENED:
            assert finding.name in LEFT_OPEN | (UNCHECKED if unchecked else set()), str(finding)
        else:
            assert finding.kind in {Kind.NOT_ATTACKED, Kind.REPORTED}, (str(finding), finding.text)
    for attacked in report.routes:
        assert not attacked.callers or len(attacked.counts) > 25
