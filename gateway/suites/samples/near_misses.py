"""Generate claims that narrowly fail one claim rule of a route."""

from collections.abc import Iterator, Mapping

from gateway.decision.rules.claim_names import ABSENT, find_claim, format_claim_name
from gateway.decision.rules.claim_tests import ClaimGroup, ClaimRule, ClaimTest, all_tests
from gateway.suites.samples.claim_sets import Claims, failing, with_claim
from gateway.suites.samples.meaning import Variables, claim_holds, fill
from gateway.suites.simulation.compact import to_json


def near_misses(
    rule: ClaimRule, claims: Claims, variables: Variables
) -> Iterator[tuple[str, Claims]]:
    """Yield *claims*, which pass *rule*, changed so that they fail it, with a description."""
    seen: set[bytes] = set()  # as JSON, where 0 is not false
    for variant, missed in _near(rule, claims, variables):
        text = to_json(missed)
        if text not in seen and not claim_holds(rule, missed, variables):
            seen.add(text)
            yield variant, missed


def _near(rule: ClaimRule, claims: Claims, variables: Variables) -> Iterator[tuple[str, Claims]]:
    if isinstance(rule, ClaimTest):
        return _near_test(rule, claims, variables)
    return _near_group(rule, claims, variables)


def _near_group(
    group: ClaimGroup, claims: Claims, variables: Variables
) -> Iterator[tuple[str, Claims]]:
    """Yield ways in which the whole group fails, and narrow misses of each test that holds."""
    for number, missed in enumerate(failing(group, claims, variables), 1):
        yield f"way {number} to fail", missed
    for test in all_tests([group]):
        if not claim_holds(test, claims, variables):
            continue
        for variant, missed in _near_test(test, claims, variables):
            # Other parts may still hold: their claims are changed as well.
            is_enough = not claim_holds(group, missed, variables)
            whole = missed if is_enough else next(failing(group, missed, variables), missed)
            yield f"{test.text}: {variant}", whole


def _near_test(
    test: ClaimTest, claims: Claims, variables: Variables
) -> Iterator[tuple[str, Claims]]:
    path, now = test.path, find_claim(claims, test.path)
    for variant, value in _values(test, now, variables).items():
        yield variant, with_claim(claims, path, value)
    yield "it is absent", with_claim(claims, path, ABSENT)
    yield "it is null", with_claim(claims, path, None)
    for depth in range(1, len(path)):
        outer = format_claim_name(path[:depth])
        inner = find_claim(claims, path[:depth])
        yield f"{outer} is a list of it", with_claim(claims, path[:depth], [inner])
        yield f"{outer} is a text", with_claim(claims, path[:depth], "text")
        flat = with_claim(claims, path[:depth], ABSENT)
        yield "one claim with dots in its name", {**flat, ".".join(path): now}
        if path[-1] not in claims:
            yield "its last name alone", {**flat, path[-1]: now}


def _values(test: ClaimTest, now: object, variables: Variables) -> Mapping[str, object]:
    operand = fill(test.operand, variables)
    match test.operator:
        case "exists":
            return {} if operand else _present()
        case "contains":
            return _lists_without(operand)
        case "at_least":
            return _under(operand)
        case "not_equals":
            return {"it is that": operand}
        case _:
            return _almost(now, operand)


def _present() -> Mapping[str, object]:
    return {
        "it is empty": "", "it is 0": 0, "it is false": False, "it is an empty list": [],
        "it is an empty table": {}, "it is a text": "some",
    }  # fmt: skip


def _lists_without(wanted: object) -> Mapping[str, object]:
    text = str(wanted)
    return {
        "it is the text itself": wanted,
        "a text that has it inside": f"not-{text} {text} {text}-not",
        "a list of more than it": [f"{text}x", f"x{text}"],
        "a list of less than it": [text[:-1]],
        "a list of it in capitals": [text.upper() if text.upper() != text else text.lower()],
        "a list in a list": [[wanted]],
        "a list of one text with commas": [f"{text},other"],
        "a table with it": {text: True},
        "an empty list": [],
        "a list of null": [None],
    }


def _under(least: object) -> Mapping[str, object]:
    if isinstance(least, bool) or not isinstance(least, int | float):
        return {}
    return {
        "a little less": least - 1, "much less": -(2**53), "a text": str(least), "true": True,
        "a list of it": [least], "a text of nines": "999999999",
    }  # fmt: skip


def _almost(now: object, operand: object) -> Mapping[str, object]:
    """Return values close to *now*, which passes."""
    both: dict[str, object] = {
        "a list of it": [now],
        "a table of it": {"value": now},
        "a text of something else": "somebody-else",
        "an empty text": "",
        "true": True,
        "all of the choices": operand if isinstance(operand, list) else [operand, "other"],
    }
    if isinstance(now, bool):
        return {**both, "the opposite": not now, "a number": int(now), "a text": str(now).lower()}
    if isinstance(now, int | float):
        return {**both, "a text": str(now), "one more": now + 1, "one less": now - 1}
    if not isinstance(now, str):
        return both
    return {
        **both,
        "in the other case": now.swapcase(),
        "the beginning of it": now[:-1],
        "the end of it": now[1:],
        "more than it": f"{now}x",
        "after something": f"x{now}",
        "with a space": f"{now} ",
        "with a line end": f"{now}\n",
        "with a NUL": f"{now}\0",
        "with others and commas": f"{now},other",
        "a star": "*",
        "as a pattern": ".*",
        "encoded": "".join(f"%{byte:02X}" for byte in now.encode()),
        "a number": int(now) if now.isdecimal() else 0,
    }
