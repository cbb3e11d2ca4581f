"""Follow `$ref` inside of one file; anything outside of it is never fetched."""

import re
from collections.abc import Mapping
from urllib.parse import unquote

from gateway.openapi.nodes import Member, Node
from gateway.settings.text.fault import Code, Fault, Place
from gateway.settings.text.scalars import shorten

_MOST_HOPS = 32


class References:
    """The references of one description; *faults* gets those that lead nowhere."""

    def __init__(self, root: Node, faults: list[Fault]) -> None:
        self._root = root
        self._faults = faults

    def table(self, node: Node, what: str) -> Mapping[str, Member] | None:
        """Return the members of *node*, or of what its `$ref` leads to; None after a fault.

        Beside a `$ref`, only a summary and a description may stand: whether other members count
        depends on the version, and on the reader.
        """
        for _ in range(_MOST_HOPS):
            members = self.plain_table(node, what)
            if members is None or "$ref" not in members:
                return members
            reference = members["$ref"]
            beside = [name for name in members if name not in {"$ref", "summary", "description"}]
            if beside:
                message = f"`{shorten(beside[0])}` beside `$ref`, which readers treat differently"
                self.refuse(members[beside[0]].place, Code.NOT_SUPPORTED, message)
                return None
            target = self._find(reference)
            if target is None:
                return None
            node = target
        message = f"`$ref` leads to another `$ref` more than {_MOST_HOPS} times, or in a circle"
        self.refuse(node.place, Code.BAD_VALUE, message)
        return None

    def plain_table(self, node: Node, what: str) -> Mapping[str, Member] | None:
        """Return the members of *node*; None after a fault if it is no table."""
        members = node.members
        if members is None:
            self.refuse(node.place, Code.WRONG_TYPE, f"expected a table: {what}")
        elif "<<" in members:
            message = "a merge key (<<), which is not supported: write the keys out"
            self.refuse(members["<<"].place, Code.YAML_SURPRISE, message)
            return None
        return members

    def refuse(self, place: Place, code: Code, message: str) -> None:
        """Add a fault."""
        self._faults.append(Fault(place, code, message))

    def _find(self, reference: Member) -> Node | None:
        node = reference.node
        text = node.text
        if text is None or not text.startswith("#"):
            shown = "" if text is None else f" `{shorten(text)}`"
            message = (
                f"`$ref`{shown} leads out of this file, and is not fetched: bundle all"
                " files into one first"
            )
            self.refuse(node.place, Code.NOT_SUPPORTED, message)
            return None
        found: Node | None = self._root
        # RFC 6901 §6: the fragment is percent-encoded.
        for part in unquote(text[1:]).split("/")[1:]:
            found = None if found is None else _step(found, part)
        if found is None or not text.startswith("#/"):
            message = f"`$ref` leads nowhere: `{shorten(text)}`"
            self.refuse(node.place, Code.UNKNOWN_REFERENCE, message)
            return None
        return found


def _step(node: Node, part: str) -> Node | None:
    key = part.replace("~1", "/").replace("~0", "~")  # RFC 6901 §4
    items = node.items
    if items is None:
        return node.child(key)
    is_index = re.fullmatch(r"0|[1-9][0-9]{0,8}", key)
    return items[int(key)] if is_index and int(key) < len(items) else None
