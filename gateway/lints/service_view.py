"""The paths of a route as its service sees them, and how they were asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gateway.decision.routes.routing import Route
from gateway.decision.routes.segments import split_segments
from gateway.decision.routes.template import Segment, Variable, parse_template
from gateway.settings.values.rewrite import Rewrite


@dataclass(frozen=True, slots=True, eq=False)
class ServiceView:
    """The template that *route* has for its service; *is_rewritten* says that it is another one.

    The first *cut* of the *asked* segments became the first *put* of the *segments*; where it
    *is_prefix*, at least one more comes below. *is_reading* says that these are not the paths
    themselves, but what services may make of them.
    """

    route: Route
    asked: tuple[Segment, ...]
    segments: tuple[Segment, ...]
    cut: int
    put: int
    is_prefix: bool
    is_reading: bool = False

    @property
    def is_rewritten(self) -> bool:
        """Say whether the service sees other paths than those that are asked for."""
        return self.asked != self.segments

    @property
    def variables(self) -> dict[str, int]:
        """Return which of the segments each variable is."""
        found = enumerate(self.segments)
        return {one.name: number for number, one in found if isinstance(one, Variable)}

    def ask(self, sent: tuple[str, ...]) -> tuple[str, ...]:
        """Return the path (its segments) that has to be asked for, to have *sent* sent."""
        literals = tuple(one for one in self.asked[: self.cut] if isinstance(one, str))
        if len(self.asked) == self.cut and not self.is_prefix:
            return literals
        return literals + sent[self.put :]


def make_view(route: Route, rewrite: Rewrite | None) -> ServiceView:
    """Return how the service of *route* sees its paths."""
    asked = parse_template(route.path, route.is_prefix)
    cut = 0 if rewrite is None else rewrite.cut_segments
    put: tuple[str, ...] = ()
    if rewrite is not None and rewrite.prefix:
        split = split_segments(rewrite.prefix)
        put = split if isinstance(split, tuple) else ()
    segments = (*put, *asked[cut:])
    if not segments and not route.is_prefix:
        segments = ("",)  # all was cut off: the root is left
    return ServiceView(route, asked, segments, cut, len(put), route.is_prefix)


def make_reading(view: ServiceView) -> ServiceView | None:
    """Return what services may read in paths of *view* that have `%2F` or `;`, if any may.

    In front of the first variable there is nothing of that. What comes of the rest is more than
    one service makes of one path: anything.
    """
    route, variables = view.route, view.variables.values()
    if not (route.allow_encoded_slash or route.allow_semicolon):
        return None
    if not variables:
        return replace(view, is_reading=True) if view.is_prefix else None
    size = min(variables)
    asked = view.asked[: size - view.put + view.cut]
    return replace(
        view, asked=asked, segments=view.segments[:size], is_prefix=True, is_reading=True
    )


def meetings(
    first: ServiceView, second: ServiceView, fresh: str, depth: int
) -> Iterator[tuple[str, ...]]:
    """Yield service paths that both have: one for each number of segments up to *depth*.

    Where any segment would do there is *fresh*, which no route names. Whatever more specific
    route owns such a path owns all paths of both that have as many segments; so where none of
    these is owned by the two, no path is.
    """
    lengths = {len(one.segments) for one in (first, second) if not one.is_prefix}
    deepest = max(len(first.segments), len(second.segments))
    if len(lengths) > 1:
        return
    for length in lengths or range(deepest + 1, max(depth, deepest) + 2):
        one, other = _row(first, length), _row(second, length)
        if one is not None and other is not None:
            yield from _merge(one, other, fresh)


def _row(view: ServiceView, length: int) -> list[Segment | None] | None:
    """Return one segment for each of *length*, None where any or none will do."""
    missing = length - len(view.segments)
    if missing == 0 and not view.is_prefix:
        return list(view.segments)
    return [*view.segments, *[None] * missing] if missing > 0 and view.is_prefix else None


def _merge(
    first: list[Segment | None], second: list[Segment | None], fresh: str
) -> Iterator[tuple[str, ...]]:
    merged: list[str] = []
    for one, other in zip(first, second, strict=True):
        literals = {segment for segment in (one, other) if isinstance(segment, str)}
        is_variable = isinstance(one, Variable) or isinstance(other, Variable)
        if len(literals) > 1 or (is_variable and "" in literals):
            return
        merged.append(next(iter(literals), fresh))
    yield tuple(merged)
    if first[-1] is None and second[-1] is None:
        yield (*merged[:-1], "")
