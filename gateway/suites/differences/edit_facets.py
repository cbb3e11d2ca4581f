"""Say what a route changes of its requests and answers, and what it tells browsers."""

from gateway.decision.routes.routing import Route
from gateway.settings.values.cors import Cors
from gateway.settings.values.rewrite import FieldEdits, HostField, QueryEdits, Rewrite
from gateway.settings.values.route_options import RouteOptions
from gateway.suites.differences.facet import Facet


def edit_facets(route: Route, options: RouteOptions) -> dict[str, Facet]:
    """Return a facet for each thing that is changed; none for what goes on as it comes."""
    return _rewrite(route, options.rewrite or Rewrite()) | _cors(options.cors)


def _cors(cors: Cors | None) -> dict[str, Facet]:
    if cors is None:
        return {}
    every = ["*"] if cors.is_open else []
    origins = ", ".join(sorted(one.decode() for one in (*cors.origins, *cors.patterns)) + every)
    methods = ", ".join(sorted(cors.methods)) or "any method"
    credentials = " with credentials" if cors.credentials else ""
    text = (
        f"{origins}{credentials}: {methods}, with {cors.headers.decode()}, reading"
        f" {cors.exposed.decode()}, kept {cors.max_age_seconds} s"
    )
    return {"cors": Facet(text, text, ("cors",))}


def _rewrite(route: Route, rewrite: Rewrite) -> dict[str, Facet]:
    said: dict[str, tuple[object, str]] = {}
    if rewrite.cut_segments:
        asked = "/".join(route.path.split("/")[: rewrite.cut_segments + 1])
        sent = rewrite.prefix.decode()
        # What the service gets is another one with either.
        said["path"] = ((rewrite.cut_segments, sent), f"{asked} becomes {sent or 'nothing'}")
    if rewrite.host is not HostField.KEEP:
        host = rewrite.host
        text = host.decode() if isinstance(host, bytes) else "the server's own"
        said["host"] = (host, text)
    for key, edits in (
        ("request_headers", rewrite.request_fields),
        ("answer_headers", rewrite.answer_fields),
        ("query", rewrite.query),
    ):
        if edits.removed:
            said[key] = (edits, _show(edits))
    return {
        f"rewrite.{key}": Facet(value, text, ("rewrite", key) if key != "path" else ("rewrite",))
        for key, (value, text) in said.items()
    }


def _show(edits: FieldEdits | QueryEdits) -> str:
    if isinstance(edits, QueryEdits):
        added = edits.added.decode()
    else:
        added = ", ".join(edits.lines.decode().split("\r\n")[1:])
    removed = ", ".join(sorted(name.decode(errors="replace") for name in edits.removed))
    return f"without {removed}{', with ' if added else ''}{added}"
