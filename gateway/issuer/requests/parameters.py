"""The parameters of a request, and the errors of OAuth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# RFC 8707 §2 allows `resource` more than once; nothing else may repeat (RFC 6749 §3.1, §3.2).
_REPEATABLE = frozenset({"resource"})


@dataclass(frozen=True, slots=True)
class OAuthError:
    """A refusal: *code* is from RFC 6749 §4.1.2.1 or §5.2, or of an extension.

    *challenge* adds a ``WWW-Authenticate`` field, required if the client tried HTTP Basic.
    """

    code: str
    description: str
    status: int = 400
    challenge: bool = False


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one request, by name; *repeated* are those that came more than once."""

    values: Mapping[str, str] = field(repr=False)
    resources: tuple[str, ...] = ()
    repeated: frozenset[str] = frozenset()

    def get(self, name: str) -> str | None:
        """Return the value of *name*; None if it was not sent, or sent empty."""
        return self.values.get(name)

    @property
    def repetition(self) -> OAuthError | None:
        """Return the error for a parameter that came more than once."""
        if not self.repeated:
            return None
        return OAuthError("invalid_request", "a parameter is repeated")


def read_parameters(sent: Sequence[tuple[str, str]]) -> Parameters:
    """Return the decoded parameters of a query or a form, *sent* in this order.

    A parameter without a value counts as not sent (RFC 6749 §3.1, §3.2).
    """
    values: dict[str, str] = {}
    repeated: set[str] = set()
    for name, value in sent:
        if not value:
            continue
        if name in values and name not in _REPEATABLE:
            repeated.add(name)
        values[name] = value
    resources = tuple(value for name, value in sent if name == "resource" and value)
    return Parameters(values, resources, frozenset(repeated))
