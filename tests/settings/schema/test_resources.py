"""The shape of a resource: known keys, and lists with something in them."""

from pathlib import Path

import pytest

from tests.settings.configs import assert_found, config, faults

URL = "https://api.example.com/orders"
# A fault code, and a resource with a mark where the fault must point.
MISTAKES = [
    ("missing_key", "{name: Orders}"),
    ("wrong_type", "{resource: ¦[a]}"),
    ("empty_list", f"{{resource: '{URL}', authorization_servers: ¦[]}}"),
    ("wrong_type", f"{{resource: '{URL}', authorization_servers: ¦main}}"),
    ("empty_list", f"{{resource: '{URL}', scopes: ¦[]}}"),
    ("bad_value", f"{{resource: '{URL}', scopes: [¦'a b']}}"),
    ("bad_value", f"{{resource: '{URL}', name: ¦''}}"),
    ("unknown_key", f"{{resource: '{URL}', ¦jwks_uri: 'https://api.example.com/keys'}}"),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_of_a_resources_shape_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    mark = "¦" if codes == "missing_key" else ""

    assert_found(tmp_path, codes, config(f"resources:\n  {mark}orders: {text}\n"))


def test_a_near_key_is_suggested(tmp_path: Path) -> None:
    text = config(f"resources:\n  orders: {{resource: '{URL}', scope: [a]}}\n")

    messages = [fault.message for fault in faults(tmp_path, text)]

    assert messages == ["unknown key `scope`: write `scopes: [NAME]`"]
