"""All files are one configuration: each may refer to what another one defines."""

from pathlib import Path

from tests.settings.configs import ISSUERS, UPSTREAMS, VERSION, config, faults, load

URL = "https://api.example.com/orders"


def test_a_team_file_may_define_what_another_refers_to(tmp_path: Path) -> None:
    routes = "routes:\n  - {name: a, match: {path: /orders}, upstream: orders, require: {}}\n"
    issuers = ISSUERS.replace("[orders]", f"['{URL}']")
    resources = f"resources:\n  orders: {{resource: '{URL}'}}\n"
    parts = [issuers, UPSTREAMS, resources, routes]
    for number, text in enumerate(parts):
        (tmp_path / f"{number}.yaml").write_text(text)

    grants = "may: [upstreams, issuers-for-all, resources-for-all]"
    text = f"{VERSION}include: [{{files: '?.yaml', {grants}}}]\n"

    settings = load(tmp_path, text)

    assert faults(tmp_path, text) == ()
    [route], [resource] = settings.policy.routes.routes, settings.resources
    assert (route.upstream, list(settings.upstreams)) == ("orders", ["orders"])
    assert list(settings.issuers) == ["main"]
    assert route.metadata_url == resource.metadata_url
    assert resource.authorization_servers == ("main",)


def test_doubts_are_for_what_holds_otherwise(tmp_path: Path) -> None:
    doubtful = f"resources:\n  orders: {{resource: '{URL}'}}\n"
    broken = config(doubtful).replace("upstream: orders", "upstream: ordrs")

    assert {fault.code for fault in faults(tmp_path, config(doubtful))} == {"audience_unlisted"}
    assert {fault.code for fault in faults(tmp_path, broken)} == {
        "unknown_reference",
        "unused_upstream",
    }
