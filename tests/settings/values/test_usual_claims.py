"""What issuers usually write into claims is known by the names of these."""

import pytest

from gateway.settings.values.usual_claims import ClaimKind, usual_kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("groups", ClaimKind.LIST),
        ("cognito:groups", ClaimKind.LIST),
        ("realm_access.roles", ClaimKind.LIST),
        ('resource_access["my.client"].roles', ClaimKind.LIST),
        ('["https://shop.example/roles"]', ClaimKind.LIST),
        ("https://shop.example/roles", ClaimKind.LIST),
        ("email_verified", ClaimKind.FLAG),
        ("auth_time", ClaimKind.TIME),
        ("sub", ClaimKind.TEXT),
        ("scope", ClaimKind.SCOPES),
        ("scp", ClaimKind.SCOPES),
        ("aud", ClaimKind.AUDIENCE),
        ("role", None),
        ("tier", None),
        ("act.sub", None),
        ("Groups", None),
        ("", None),
    ],
)
def test_a_well_known_name_has_its_usual_kind(name: str, kind: ClaimKind | None) -> None:
    assert usual_kind(name) is kind
