"""The paths of a route as its service receives them, and as they were requested."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gateway.decision.routes.routing import Route
from gateway.decision.routes.segments import split_segments
from gateway.decision.routes.template import Segment, Variable
from gateway.settings.values.rewrite import Rewrite


@dataclass(frozen=True, slots=True, eq=False)
class ServiceView:
    """The path template that the service of *route* receives.

    The first *cut* of the *asked* segments become the first *put* of the *segments*; a template
    that *is_prefix* has at least one more below. *is_reading* means that these are not the paths
    themselves, but what services may read in them.
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
        """Return whether the service receives other paths than those requested."""
        return self.asked != self.segments

    @property
    def variables(self) -> dict[str, int]:
        """Return the index of each variable among the segments."""
        found = enumerate(self.segments)
        return {one.name: number for number, one in found if isinstance(one, Variable)}

    def ask(self, sent: tuple[str, ...]) -> tuple[str, ...]:
        """Return the segments of the path to request, so that the service receives *sent*."""
        literals = tuple(one for one in self.asked[: self.cut] if isinstance(one, str))
        if len(self.asked) == self.cut and not self.is_prefix:
            return literals
        return literals + sent[self.put :]


def make_view(route: Route, rewrite: Rewrite | None) -> ServiceView:
    """Return the view that the service of *route* has of its paths."""
    asked = route.segments
    cut = 0 if rewrite is None else rewrite.cut_segments
    put: tuple[str, ...] = ()
    if rewrite is not None and rewrite.prefix:
        split = split_segments(rewrite.prefix)
        put = split if isinstance(split, tuple) else ()
    segments = (*put, *asked[cut:])
    if not segments and not route.is_prefix:
        segments = ("",)  # all was cut off: the root remains
    return ServiceView(route, asked, segments, cut, len(put), route.is_prefix)


def make_reading(view: ServiceView) -> ServiceView | None:
    """Return what services may read in paths of *view* that have `%2F` or `;`, if it allows them.

    Before the first variable neither can occur. What services make of the rest differs: assume
    anything.
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

    *fresh*, which no route names, stands for any segment. A more specific route that owns such
    a path owns all common paths with as many segments; so if the two own none of these, they
    share no path.
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
    """Return *length* segments, None for those that may be anything; None if it cannot fit."""
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
