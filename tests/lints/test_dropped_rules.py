"""A route that is silent about a rule of the one around it is found."""

from pathlib import Path

import pytest

from tests.lints.warned import assert_warned, routes, warnings
from tests.settings.configs import config

TENANT = "claims: {tenant: {equals: '{path.tenant}'}}"
TENANTS = f"tenants, match: {{path_prefix: '/tenants/{{tenant}}/'}}, require: {{{TENANT}}}"
INVOICES = "invoices, match: {path: '/tenants/{tenant}/invoices/{id}'}, "


def admin(require: str) -> str:
    return f"admin, match: {{path_prefix: /admin/}}, require: {{{require}}}"


OTHER = "{b: {exists: true}}"
GROUP = "claims: {any: [{b: {exists: true}}, {c: {exists: true}}]}"
REPORTS = "reports, match: {path: /admin/reports}, "
OF_HOST = ", hosts: [office.example]}"
TEAM = 'issuers: {team: {issuer: "https://team.example", discovery: true, audiences: [a]}}\n'
DROPPED = [
    ("the claim `tenant`", routes(TENANTS, f"{INVOICES}¦require: {{}}")),
    ("the claim `tenant`", routes(TENANTS, f"{INVOICES}¦require: {{scopes: [a]}}")),
    ("the claim `tenant`", routes(TENANTS, f"{INVOICES}¦require: {{claims: {OTHER}}}")),
    ("the claim `b`, `c`", routes(admin(GROUP), f"{REPORTS}¦require: {{}}")),
    ("`issuers`", routes(admin("issuers: [main]"), f"{REPORTS}¦require: {{}}")),
    ("`audiences`", routes(admin("audiences: [orders]"), f"{REPORTS}¦require: {{}}")),
    ("`scopes`", routes(admin("scopes: [admin]"), f"{REPORTS}¦require: {{}}")),
    ("`acr`", routes(admin("acr: [mfa]"), f"{REPORTS}¦require: {{max_age: 5m}}")),
    ("`max_age`", routes(admin("max_age: 5m"), f"{REPORTS}¦require: {{acr: [mfa]}}")),
    ("`acr`, `max_age`", routes(admin("acr: [a], max_age: 5m"), f"{REPORTS}¦require: {{}}")),
    (
        "`issuers`",
        routes(
            admin("issuers: [main]").replace("/admin/}", f"/{OF_HOST}"), f"{REPORTS}¦require: {{}}"
        ).replace("/reports}", f"/reports{OF_HOST}"),
    ),
]
KEPT = [
    routes(TENANTS, f"{INVOICES}require: {{claims: {{tenant: {{exists: true}}}}}}"),
    routes(TENANTS, "new, match: {path: /tenants/new/invoices}, require: {}"),
    routes(TENANTS, f"{INVOICES}public: true").replace("{id}", "logo"),
    routes(admin(GROUP), f"{REPORTS}require: {{claims: {OTHER}}}"),
    routes(admin("scopes: [admin]"), f"{REPORTS}require: {{scopes: [reports]}}"),
    routes(admin("issuers: [main]"), f"{REPORTS}require: {{issuers: [main]}}"),
    routes(admin("acr: [mfa]"), f"{REPORTS}require: {{acr: [pwd]}}"),
    routes(admin("scopes: [admin]").replace("/admin/", "/"), f"{REPORTS}require: {{}}"),
    routes(
        admin("scopes: [admin]").replace("/admin/", "/admin/, methods: [POST]"),
        f"{REPORTS}require: {{}}".replace("reports}", "reports, methods: [GET]}"),
    ),
]


def test_a_rule_of_a_route_that_also_takes_no_token_is_dropped_as_well(tmp_path: Path) -> None:
    text = routes(admin("scopes: [a], optional: true"), f"{REPORTS}require: {{}}")

    found = {fault.code.value for fault in warnings(tmp_path, config(routes=text))}

    assert found == {"rule_dropped", "guard_surrounded"}


@pytest.mark.parametrize(("what", "text"), DROPPED)
def test_a_rule_that_is_left_out_within_a_route_that_has_it_is_doubtful(
    what: str, text: str, tmp_path: Path
) -> None:
    assert_warned(tmp_path, "rule_dropped", config(routes=text))

    [fault] = warnings(tmp_path, config(routes=text.replace("¦", "")))
    assert fault.message.endswith(f" requires: {what}")


@pytest.mark.parametrize("text", KEPT)
def test_another_value_or_another_area_was_written_on_purpose(text: str, tmp_path: Path) -> None:
    assert warnings(tmp_path, config(routes=text)) == ()


def test_a_route_is_warned_of_once(tmp_path: Path) -> None:
    around = [
        admin("scopes: [a]")
        .replace("/admin/", f"/admin/, methods: [{method}]")
        .replace("admin, ", f"{method}, ", 1)
        for method in ("GET", "PUT")
    ]
    found = warnings(tmp_path, config(routes=routes(*around, f"{REPORTS}require: {{}}")))

    assert len(found) == 1


@pytest.mark.parametrize("names", [True, False])
def test_issuers_are_left_out_where_the_outer_route_names_them(names: bool, tmp_path: Path) -> None:
    """What a route accepts that names none hangs on the files there are: nobody wrote it."""
    outer = routes(admin("issuers: [main]" if names else ""))
    (tmp_path / "team.yaml").write_text(TEAM + routes(f"{REPORTS}require: {{}}"))
    included = "include: [{files: team.yaml, may: [issuers]}]\n"

    found = warnings(tmp_path, config(included, routes=outer))

    # The tokens of the file's own issuer are a doubt of their own.
    dropped = [fault.code for fault in found if fault.code != "guard_opened"]
    assert dropped == (["rule_dropped"] if names else [])
