"""Make mutants of a module: its source with one small mistake in it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mistake: at *line*, *before* became *after*; *source* is the whole module with it."""

    line: int
    before: str
    after: str
    source: str


def mutants_of(source: str) -> list[Mutant]:
    """Return every mutant of a module, in the order of its lines."""
    lines = source.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    octets = source.encode()
    mutants = []
    for node, changed in _mistakes(ast.parse(source)):
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        before, after = octets[start:end].decode(), f"({ast.unparse(changed)})"
        text = (octets[:start] + after.encode() + octets[end:]).decode()
        mutants.append(Mutant(node.lineno, " ".join(before.split()), after, text))
    return sorted(mutants, key=lambda mutant: mutant.line)


def _mistakes(tree: ast.Module) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield expressions that are evaluated, each with one that is wrong in its place."""
    for node in _evaluated(tree):
        match node:
            case ast.Compare(left, [operator], [right]) if type(operator) in _COMPARISONS:
                other = _COMPARISONS[type(operator)]()
                yield node, ast.Compare(left, [other], [right])
            case ast.BoolOp(operator, values):
                wrong = ast.And() if isinstance(operator, ast.Or) else ast.Or()
                yield node, ast.BoolOp(wrong, values)
                for index in range(len(values)):
                    rest = values[:index] + values[index + 1 :]
                    yield node, rest[0] if len(rest) == 1 else ast.BoolOp(operator, rest)
            case ast.UnaryOp(ast.Not(), operand):
                yield node, operand
            case ast.BinOp(left, operator, right) if type(operator) in _ARITHMETIC:
                yield node, ast.BinOp(left, _ARITHMETIC[type(operator)](), right)
            case ast.Constant(bool() as value):
                yield node, ast.Constant(not value)
            case ast.Constant(int() | float() as value):
                yield node, ast.Constant(value + 1)
            case ast.IfExp(test, body, orelse):
                yield node, ast.IfExp(test, orelse, body)
            case _:
                pass


def _evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """Yield *node* and all below it, but for annotations, decorators, assertions and f-strings."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list"}:
            continue
        if isinstance(node, ast.Assert | ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _evaluated(child)
