"""Change the fields of a service's answer as its route says."""

from gateway.http.cors import sharing_fields, without_sharing
from gateway.http.reading.request import Request
from gateway.http.writing.rewriting import edit_answer_fields
from gateway.settings.values.route_options import RouteOptions


def edit_answer(fields: bytes, options: RouteOptions, request: Request) -> bytes:
    """Return *fields*, each behind the end of the line before, for who sent *request*."""
    rewrite = options.rewrite
    if rewrite is not None:
        fields = edit_answer_fields(fields, rewrite.answer_fields)
    cors = options.cors
    return fields if cors is None else without_sharing(fields) + sharing_fields(cors, request)
