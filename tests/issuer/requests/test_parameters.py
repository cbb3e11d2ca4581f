"""Parameters of requests, without a socket."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.issuer.requests.parameters import read_parameters


def test_a_parameter_without_a_value_counts_as_not_sent() -> None:
    """RFC 6749 §3.1, §3.2."""
    parameters = read_parameters([("scope", ""), ("scope", "a"), ("state", "")])

    assert parameters.get("scope") == "a"
    assert parameters.get("state") is None
    assert parameters.repetition is None


def test_a_repeated_parameter_is_an_error_but_for_resource() -> None:
    """RFC 6749 §3.1, RFC 8707 §2."""
    repeated = read_parameters([("scope", "a"), ("scope", "a")])
    resources = read_parameters([("resource", "x"), ("resource", "y")])

    assert repeated.repetition is not None
    assert repeated.repetition.code == "invalid_request"
    assert resources.repetition is None
    assert resources.resources == ("x", "y")


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "resource"]), st.text(max_size=2))))
def test_what_is_read_was_sent(sent: list[tuple[str, str]]) -> None:
    parameters = read_parameters(sent)

    for name in ("a", "b"):
        values = [value for key, value in sent if key == name and value]
        assert (name in parameters.repeated) is (len(values) > 1)
        assert parameters.get(name) == (values[-1] if values else None)


def test_values_do_not_show_in_a_repr() -> None:
    assert "hush" not in repr(read_parameters([("client_secret", "hush")]))
