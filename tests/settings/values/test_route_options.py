"""Answers are looked at where a route changes their fields, and nowhere else."""

from gateway.settings.values.rewrite import FieldEdits, Rewrite
from gateway.settings.values.route_options import RouteOptions


def edits_responses(rewrite: Rewrite | None) -> bool:
    return RouteOptions(9.0, 9.0, None, frozenset(), rewrite).edits_responses


def test_only_edits_of_answers_edit_answers() -> None:
    edits = FieldEdits(frozenset({b"server"}))

    assert not edits_responses(None)
    assert not edits_responses(Rewrite(1, request_fields=edits))
    assert edits_responses(Rewrite(response_fields=edits))
