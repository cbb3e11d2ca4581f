"""Find methods that a route lists, and that a more specific one keeps from it."""

from collections.abc import Iterator

from gateway.lints.nesting import Nesting
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places


def find_hidden_methods(nesting: Nesting, places: Places) -> Iterator[Fault]:
    """Yield a warning where a route lists methods that are refused in nearly all its paths.

    The most specific template owns a path with all its methods, and answers 405 to those it
    does not list; whoever writes GET for `/orders/{id}` and POST for `/orders/` may think
    otherwise. Of one service only: what serves pages may well list GET around an API.
    """
    for pair in nesting.nested():
        known = pair.inner.methods()
        if known is None or pair.adds_words:
            continue
        first = pair.inner.routes[0]
        upstreams = {route.upstream for route in pair.inner.routes}
        for route in pair.around.routes:
            hidden = sorted(route.methods - known)
            if not hidden or route.upstream not in upstreams:
                continue
            message = (
                f"{', '.join(hidden)} of `{first.path}` is refused with 405: `{first.name}`"
                f" ({first.place}) owns that path, and does not list it"
            )
            yield (
                places.route(route.name)
                .child("match")
                .child("methods")
                .key_warning(Code.METHOD_HIDDEN, message)
            )
