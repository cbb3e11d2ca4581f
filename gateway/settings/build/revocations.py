"""Build the revocation lists from their settings."""

from collections.abc import Collection, Iterable, Mapping

from gateway.decision.revocation import RevocationRule
from gateway.settings.build.checks import refuse_repeated, refuse_unknown, require_exactly_one
from gateway.settings.build.tls import build_fetch_ca
from gateway.settings.schema.revocations import RevocationModel
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import Sources, find_file
from gateway.settings.values.addresses import check_key_url, is_plain_http
from gateway.settings.values.configuration import FetchTimes, Proxy, RevocationSettings


def build_revocations(  # noqa: PLR0913, PLR0917 - what they are, and where faults go
    models: Mapping[str, RevocationModel],
    part: Part,
    sources: Sources,
    issuers: Collection[str],
    faults: list[Fault],
    proxy: Proxy | None = None,
) -> dict[str, RevocationSettings]:
    """Return the valid lists by name; *issuers* are the names that a list may refer to.

    They are fetched through *proxy*.
    """
    built: dict[str, RevocationSettings] = {}
    for name in part.raw if isinstance(part.raw, dict) else ():
        require_exactly_one(part.child(name), "url", "file", faults)
    for name, model in models.items():
        at = part.child(name)
        at_issuers = at.child("issuers")
        for index, issuer in enumerate(model.issuers or ()):
            refuse_unknown("issuer", issuer, issuers, at_issuers.child(index), faults)
        refuse_repeated(model.issuers or (), at_issuers, faults)
        location = _location(model, at, sources, faults)
        if location is not None:
            spoken_of = frozenset(model.issuers or issuers)
            rule = RevocationRule(name, spoken_of, model.on_failure == "refuse")
            times = FetchTimes(model.fresh, model.stale, model.fetch_timeout)
            directory, at_tls = sources.main.directory, at.child("tls")
            ca = build_fetch_ca(model.tls, model.url, directory, at_tls, sources.disk, faults)
            built[name] = RevocationSettings(
                rule, location, model.url is None, times, ca, model.required, proxy
            )
    return built


def rules_by_issuer(
    lists: Iterable[RevocationSettings],
) -> dict[str, tuple[RevocationRule, ...]]:
    """Return the rules for each issuer that some list covers, by its name."""
    rules: dict[str, list[RevocationRule]] = {}
    for one in lists:
        for issuer in one.rule.issuers:
            rules.setdefault(issuer, []).append(one.rule)
    return {issuer: tuple(found) for issuer, found in rules.items()}


def _location(
    model: RevocationModel, part: Part, sources: Sources, faults: list[Fault]
) -> str | None:
    if model.url is not None:
        problem = check_key_url(model.url)
        if problem is None:
            return model.url
        code = Code.INSECURE_URL if is_plain_http(model.url) else Code.BAD_VALUE
        faults.append(part.child("url").fault(code, problem))
    elif model.file is not None:
        directory, at = sources.main.directory, part.child("file")
        path = find_file(model.file, directory, at, sources.disk, faults)
        return None if path is None else str(path)
    return None
