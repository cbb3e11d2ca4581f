"""The paths of the issuer."""

from gateway.issuer import paths


def test_no_two_endpoints_have_the_same_path() -> None:
    named = [value for name, value in vars(paths).items() if name.endswith("_PATH")]

    assert len(named) == len(set(named)) == 15
    assert all(path.startswith("/") and not path.endswith("/") for path in named)
