"""What an answer in a notebook needs: the statements above its check that have to run again, and no others.

A notebook's code cells are cut into statements. From the answer backwards, a statement is taken if it binds a name that
is still needed, or changes what such a name stands for (``scores.append(tune)``). What only shows something, or trains
a model that the answer never looks at, is left out. Nothing is run here.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

__all__ = ["TRAINING", "Answer", "Statement", "awaits", "calls", "find_answer", "lesson_of", "needed", "statements_of"]

#: Calls of these train a model, which takes longer than a class can wait for.
TRAINING = ("train", "fine_tune", "train_own", "fit")

# The scopes that a statement runs itself; the body of any other function runs when the function is called.
_AT_ONCE = ("listcomp", "setcomp", "dictcomp", "genexpr", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
_SURE = (ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FIXED = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SHOWS = {"print", "display", "show", "check", "hint", "solution", "len", "repr", "str", "type"}


@dataclass(frozen=True)
class Statement:
    """A statement at the top of a cell, and the names that it has to do with.

    Attributes
    ----------
    cell, index : int
        The code cell, counted from 1, and the statement in it, counted from 0.
    node : ast.stmt
    binds, may_bind : frozenset of str
        Names that it gives a new value; and those that it may give one, in a branch or a loop.
    changes, touches : frozenset of str
        Names whose value it changes in place; and those that it hands to a function, which may change them.
    uses, calls_for : frozenset of str
        Names that it looks up itself; and those that a function in it looks up when it is called.
    """

    cell: int
    index: int
    node: ast.stmt
    binds: frozenset[str]
    may_bind: frozenset[str]
    changes: frozenset[str]
    touches: frozenset[str]
    uses: frozenset[str]
    calls_for: frozenset[str]

    @property
    def is_fixed(self) -> bool:
        """Tell whether it binds a module, a function or a class, whose methods do not change it."""
        return isinstance(self.node, _FIXED)

    @property
    def binds_anything(self) -> bool:
        """Tell whether it is ``from somewhere import *``."""
        return isinstance(self.node, ast.ImportFrom) and any(alias.name == "*" for alias in self.node.names)


@dataclass(frozen=True)
class Answer:
    """Where the answer to an exercise is: what is checked, and how many statements stand above.

    `stub` is True if the answer is as the course gave it, which is seen without running anything.
    """

    code: ast.expr
    above: int
    stub: bool


def lesson_of(sources: Collection[str]) -> int | None:
    """Tell the lesson from the checks in its cells; None if there is none. A notebook may have any name."""
    found = [int(number) for source in sources for number in re.findall(r"^check\([\"'](\d{1,2})\.\d+[\"']", source, re.M)]
    return max(sorted(set(found)), key=found.count) if found else None


# --- cells to statements ----------------------------------------------------------------------------


def statements_of(sources: Sequence[str]) -> tuple[list[Statement], dict[int, str], dict[int, str]]:
    """Cut code cells into statements.

    Returns
    -------
    statements : list of Statement
    cells : dict of int to str
        The text of each cell as it was understood: without the magics of Jupyter.
    broken : dict of int to str
        What is wrong with the cells that are no Python.
    """
    statements: list[Statement] = []
    cells, broken = {}, {}
    for number, source in enumerate(sources, start=1):
        try:
            cells[number], found = _cut(source)
        except SyntaxError as error:
            broken[number] = f"{error.msg} (line {error.lineno})"
        except (ValueError, RecursionError, MemoryError) as error:
            broken[number] = f"it cannot be read ({type(error).__name__})"
        else:
            statements += [replace(statement, cell=number) for statement in found]
    return statements, cells, broken


@lru_cache(maxsize=4096)  # most cells of a class are those of the course
def _cut(source: str) -> tuple[str, tuple[Statement, ...]]:
    text, nodes = _parse(source)
    return text, tuple(_statement(0, index, node) for index, node in enumerate(nodes))


def _parse(source: str) -> tuple[str, list[ast.stmt]]:
    """Parse a cell; if that fails, once more without what is for Jupyter (``%time``, ``files = !ls``, ``name?``)."""
    try:
        return source, ast.parse(source).body
    except SyntaxError:
        lines = source.split("\n")
        plain = "\n".join(re.sub(r"^(\s*)([%!?].*|.*\?)\s*$", r"\1pass", line) for line in lines)
        plain = re.sub(r"(?m)^(\s*\w+ *= *)[%!].*$", r"\1None", plain)
        if plain == source:
            raise
        return plain, ast.parse(plain).body


def _statement(cell: int, index: int, node: ast.stmt) -> Statement:
    bound, uses, calls_for = _names(node)
    sure = isinstance(node, _SURE) and not (isinstance(node, ast.AnnAssign) and node.value is None)
    changes, touches = _changes(node)
    if isinstance(node, ast.AugAssign):
        uses = uses | bound
    return Statement(
        cell,
        index,
        node,
        binds=bound if sure else frozenset(),
        may_bind=frozenset() if sure else bound,
        changes=changes,
        touches=touches,
        uses=uses,
        calls_for=calls_for,
    )


def _names(node: ast.stmt) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return the names that a statement binds, those that it looks up, and those that functions in it look up."""
    table = symtable.symtable(ast.unparse(node), "<cell>", "exec")
    bound = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    uses = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    later: set[str] = set()
    waiting = [(child, True) for child in table.get_children()]
    while waiting:
        scope, at_once = waiting.pop()
        at_once = at_once and (scope.get_type() == "class" or scope.get_name() in _AT_ONCE)
        for symbol in scope.get_symbols():
            if symbol.is_global() and symbol.is_referenced():
                (uses if at_once else later).add(symbol.get_name())
            if symbol.is_declared_global() and symbol.is_assigned():
                bound.add(symbol.get_name())
        waiting += [(child, at_once) for child in scope.get_children()]
    return frozenset(bound), frozenset(uses), frozenset(later)


def _changes(node: ast.stmt) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that a statement changes in place, and those that it hands to a function."""
    changes, touches = set(), set()
    for part in _run_at_once(node):
        if isinstance(part, ast.Attribute | ast.Subscript) and isinstance(part.ctx, ast.Store | ast.Del):
            changes.add(_base(part))
        if not isinstance(part, ast.Call):
            continue
        arguments = [*part.args, *(keyword.value for keyword in part.keywords)]
        given = {item.id for item in arguments if isinstance(item, ast.Name)}
        name = _called(part)
        if isinstance(part.func, ast.Attribute):
            changes.add(_base(part.func))
        if name in TRAINING or name == "shuffle":
            changes |= given
        elif _base(part.func) not in _SHOWS:
            touches |= given
    return frozenset(filter(None, changes)), frozenset(touches)


def calls(node: ast.stmt) -> frozenset[str]:
    """Return the names of the functions, methods and classes that a statement calls itself."""
    return frozenset(_called(part) for part in _run_at_once(node) if isinstance(part, ast.Call))


def awaits(node: ast.stmt) -> bool:
    """Tell whether a statement waits outside of any function, which Jupyter alone allows."""
    return any(isinstance(part, ast.Await | ast.AsyncFor | ast.AsyncWith) for part in _run_at_once(node))


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _run_at_once(node: ast.AST) -> Iterator[ast.AST]:
    """Walk through a statement without the bodies of its functions."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _run_at_once(child)


def _base(node: ast.AST) -> str:
    """Return x for ``x``, ``x.y`` and ``x[0].y(1).z``; "" if the row does not begin with a name."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


# --- from an answer to what it needs ----------------------------------------------------------------


def find_answer(statements: Sequence[Statement], exercise_id: str, name: str) -> Answer | None:
    """Find the answer to an exercise; None if the notebook has neither its check nor its name.

    It is what the last ``check("5.1", ...)`` is given, with the names as they are above it. If that is still the stub,
    and the student wrote the answer in a cell below, it is that one.
    """
    code, above = ast.Name(name, ast.Load()), len(statements)
    for place, statement in enumerate(statements):
        if (given := _checked(statement.node, exercise_id)) is not None:
            code, above = given, place
    wanted = code.id if isinstance(code, ast.Name) else ""
    binding = [place for place, statement in enumerate(statements) if wanted in statement.binds | statement.may_bind]
    if wanted and not binding:
        return None
    before = [place for place in binding if place < above]
    if wanted and (not before or _is_stub(statements[before[-1]].node)) and binding[-1] >= above:
        before, above = binding, binding[-1] + 1
    return Answer(code, above, bool(wanted) and _is_stub(statements[before[-1]].node))


def _checked(node: ast.stmt, exercise_id: str) -> ast.expr | None:
    """Return what a statement gives to the check of an exercise."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or getattr(call.func, "id", "") != "check" or len(call.args) != 2:
        return None
    number, given = call.args
    found = number.value if isinstance(number, ast.Constant) and isinstance(number.value, str) else ""
    return given if re.sub(r"\b0+(?=\d)", "", found.strip()) == exercise_id else None


def _is_stub(node: ast.stmt) -> bool:
    """Tell, without running it, whether an answer is as the notebook gave it: what `exercises.is_stub` says later."""
    if isinstance(node, ast.FunctionDef):
        return all(
            isinstance(part, ast.Pass) or (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
            for part in node.body
        )
    return isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _is_blank(node.value)


def _is_blank(value: ast.expr) -> bool:
    if isinstance(value, ast.List | ast.Tuple | ast.Dict):
        items = value.values if isinstance(value, ast.Dict) else value.elts
        return bool(items) and all(isinstance(item, ast.Constant) and item.value is ... for item in items)
    return isinstance(value, ast.Constant) and (value.value is ... or value.value is None)


def needed(statements: Sequence[Statement], answer: Answer, *, generous: bool = False) -> list[Statement]:
    """Return the statements that an answer needs, in the order in which they have to run.

    Those above the check come as they stand. A name that is bound nowhere above is looked for below, as if the notebook
    had been run once before.

    Parameters
    ----------
    statements : sequence of Statement
    answer : Answer
    generous : bool
        Take also the statements that hand a needed name to some function, for that may change its value.
    """
    above = list(statements[: answer.above])
    # Python's own names are there without a statement, but a student may give them another value.
    known = _BUILTIN | {name for statement in above for name in statement.binds | statement.may_bind}
    order = [*statements[answer.above :], *above]
    below = len(order) - len(above)
    fixed = _BUILTIN | {name for s in order if s.is_fixed for name in s.binds}
    fixed -= {name for s in order if not s.is_fixed for name in s.binds}
    question = _statement(0, 0, ast.Expr(answer.code))
    late = _closed(question.calls_for, order, below, known)
    while True:
        chosen, later = _backwards(order, below, known, fixed, set(question.uses) | late, late, generous)
        if later <= late:
            return [order[place] for place in sorted(chosen)]
        late = _closed(late | later, order, below, known)


def _closed(late: Collection[str], order: Sequence[Statement], below: int, known: frozenset[str]) -> set[str]:
    """Add to the names that functions need those that the functions of these names need, and so on."""
    asked: dict[str, set[str]] = {}
    for place, statement in enumerate(order):
        for name in statement.binds | statement.may_bind if statement.calls_for else ():
            if place >= below or name not in known:
                asked.setdefault(name, set()).update(statement.calls_for)
    found, waiting = set(late), list(late)
    while waiting:
        new = asked.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def _backwards(
    order: Sequence[Statement],
    below: int,
    known: frozenset[str],
    fixed: frozenset[str],
    wanted: set[str],
    late: set[str],
    generous: bool,
) -> tuple[set[int], set[str]]:
    """Go through the statements from the last to the first; return those taken and the names that their functions need.

    What a function needs (`late`) it may look up at any time, so that every binding of it counts. Of other names the
    last binding is enough.
    """
    chosen, later = set(), set()
    for place in reversed(range(len(order))):
        statement = order[place]
        changed = statement.changes | (statement.touches if generous else frozenset())
        hit = (statement.binds | statement.may_bind | (changed - fixed)) & wanted
        if not (hit if place >= below else hit - known) and not (statement.binds_anything and place >= below):
            continue
        chosen.add(place)
        wanted -= statement.binds - late
        wanted |= statement.uses
        later |= statement.calls_for
    return chosen, later


_BUILTIN = frozenset(dir(builtins))
