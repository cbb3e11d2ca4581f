"""Which issuers a route accepts that names none: those of the main file, and of its own."""

from collections.abc import Sequence

from gateway.settings.build.sections import Named
from gateway.settings.schema.issuers import IssuerModel
from gateway.settings.schema.routes import RequireModel
from gateway.settings.text.document import Document, Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.grants import Grant


class IssuerReach:
    """How far each of *issuers* reaches beyond the routes that name it.

    One of the main file reaches every route. One of an included file reaches the routes of that
    file, unless it was granted more: whoever writes a team's file could otherwise make tokens
    for all that others have behind the gateway.
    """

    def __init__(self, issuers: Sequence[Named[IssuerModel]]) -> None:
        self._all = frozenset(one.name for one in issuers)
        self._of_file: dict[Document, set[str]] = {}
        self._accepted: dict[Document, frozenset[str] | None] = {}  # of routes that name none
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
        """Return the issuers that a route of *document* accepts; None for every one there is."""
        if require is None:
            return None
        if require.issuers is not None:
            return frozenset(require.issuers)
        return self.reaching(document)

    def reaching(self, document: Document) -> frozenset[str] | None:
        """Return the issuers in reach of *document* where it names none; None for all."""
        if document not in self._accepted:
            found = self._common | self._of_file.get(document, set())
            self._accepted[document] = None if found == self._all else found
        return self._accepted[document]

    def refuse_none(self, part: Part, faults: list[Fault]) -> None:
        """Refuse the `require` in *part* where no issuer's tokens could satisfy it.

        Not beside issuers that were not granted: once they are, it may hold.
        """
        if self._common or part.document in self._of_file or not self._are_granted:
            return
        message = "this needs a token, but no issuer is configured"
        if self._all:
            first = min(self._all)
            message = (
                "this needs a token, but every issuer is of an included file, and serves only the"
                f" routes of that file: name one here, e.g. `issuers: [{first}]`, or include its"
                f" file with `may: [{Grant.ISSUERS_FOR_ALL}]`"
            )
        faults.append(part.key_fault(Code.MISSING_KEY, message))
