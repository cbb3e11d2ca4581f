"""Which routes an issuer reaches, by the file that declares it."""

from collections.abc import Sequence

from gateway.settings.build.sections import Named
from gateway.settings.schema.issuers.issuer import IssuerModel
from gateway.settings.schema.routes.route import RequireModel
from gateway.settings.text.document import Document, Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.grants import Grant


class IssuerReach:
    """Which routes each of *issuers* reaches beyond those that name it.

    An issuer in the main file reaches every route. One in an included file reaches the routes
    of that file, unless it was granted more: otherwise the author of a team's file could make
    tokens for every other team's routes.
    """

    def __init__(self, issuers: Sequence[Named[IssuerModel]]) -> None:
        self._all = frozenset(one.name for one in issuers)
        self._of_file: dict[Document, set[str]] = {}
        self._accepted: dict[Document, frozenset[str] | None] = {}  # by routes that name none
        common: set[str] = set()
        for one in issuers:
            document = one.part.document
            if document.may(Grant.ISSUERS_FOR_ALL):
                common.add(one.name)
            else:
                self._of_file.setdefault(document, set()).add(one.name)
        self._common = frozenset(common)
        self._are_granted = all(document.may(Grant.ISSUERS) for document in self._of_file)

    def accepted(self, require: RequireModel | None, document: Document) -> frozenset[str] | None:
        """Return the issuers that a route in *document* accepts; None means all issuers."""
        if require is None:
            return None
        if require.issuers is not None:
            return frozenset(require.issuers)
        return self.reaching(document)

    def reaching(self, document: Document) -> frozenset[str] | None:
        """Return the issuers that reach routes in *document* which name none; None means all."""
        if document not in self._accepted:
            found = self._common | self._of_file.get(document, set())
            self._accepted[document] = None if found == self._all else found
        return self._accepted[document]

    def refuse_none(self, part: Part, faults: list[Fault]) -> None:
        """Refuse the `require` in *part* if no issuer's tokens could satisfy it.

        Not if issuers lack a grant: with the grant, one of them may satisfy it.
        """
        if self._common or part.document in self._of_file or not self._are_granted:
            return
        message = "this route needs a token, but no issuer is configured"
        if self._all:
            first = min(self._all)
            message = (
                "this needs a token, but every issuer is of an included file, and serves only the"
                f" routes of that file: name one here, e.g. `issuers: [{first}]`, or include its"
                f" file with `may: [{Grant.ISSUERS_FOR_ALL}]`"
            )
        faults.append(part.key_fault(Code.MISSING_KEY, message))
