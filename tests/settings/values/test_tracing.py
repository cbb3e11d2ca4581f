"""What is known of a collector: a key for it is nobody else's."""

from gateway.settings.values.configuration import Tracing


def test_a_key_for_the_collector_is_not_shown() -> None:
    tracing = Tracing("http://127.0.0.1/v1/traces", 0.5, 100, "edge", (("api-key", "hush"),))

    assert "hush" not in repr(tracing)
    assert "hush" not in f"{tracing}"
