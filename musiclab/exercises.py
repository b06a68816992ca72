"""Exercises that check themselves: `check`, `hint` and `solution`.

In a notebook an exercise is a stub and, in the cell below it, a call of `check`::

    def count_events(onsets):
        \"\"\"Count the events of a piece: notes that share an onset are one event.\"\"\"
        ...

    check("5.1", count_events)

How to write an exercise
------------------------
1. In ``musiclab/lessons/lesson_05.py`` write the test and list the exercise. A test is a generator. It
   yields the name of each property that holds, in order, easiest first. `same` and `expect` stop it at
   the first that does not::

       from musiclab.exercises import Exercise, Mistake, expect, same

       def _count_events(answer, rng):
           onsets = np.cumsum(rng.integers(1, 4, rng.integers(5, 20))) / 2
           same(answer(onsets), len(onsets))
           yield "counts single notes"
           same(answer(np.repeat(onsets, 3)), len(onsets))
           yield "counts a chord as one event"

       EXERCISES = [
           Exercise(
               id="5.1",
               title="Count the events",
               name="count_events",
               hints=("When do two notes belong to one event?", "np.unique drops repeated values."),
               test=_count_events,
               mistakes=(
                   Mistake(lambda onsets: len(onsets), "it should be"),
                   Mistake(lambda onsets: np.unique(onsets), "is an array of shape"),
               ),
           ),
       ]

2. In ``notebooks/source/05_*.py`` write the stub and ``check("5.1", count_events)`` as above, each in a cell
   of its own: nbgrader marks the one as the student's and the other as the course's.
3. In ``notebooks/solutions/05_*.py`` write the worked answer in a section that begins with the line
   ``# %% 5.1 Count the events``. Imports may stand above the first section; sections share their names.

Then ``tests/test_exercises.py`` tests the solution, the stub, every mistake, and answers made of garbage.

Good to know
------------
- Write a ``yield`` for each property, none in a loop: they are counted to say "3 of 4 properties".
- Draw the inputs from `rng`. It is new at each check, so that a hard-coded answer does not pass.
- If the answer is a function, each call ``answer(...)`` is watched: the student's message names the call,
  an input that was changed is reported, and `same` needs no description of what was called.
- An answer may also be a value (a number, an array, a model). Its stub is ``name = ...``.
- The test may use anything that the answer returns without care: whatever it raises is reported, and
  None gets the question whether a ``return`` is missing.
- The test runs in a thread of its own and is stopped after `Exercise.seconds`. A single call into
  compiled code cannot be stopped from outside; do not invite one with huge inputs.
"""

from __future__ import annotations

import contextlib
import ctypes
import dis
import functools
import importlib
import inspect
import itertools
import linecache
import os
import re
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from musiclab.progress import progress_path, read, record

__all__ = [
    "Exercise",
    "Mistake",
    "Verdict",
    "Wrong",
    "check",
    "describe",
    "exercises_of",
    "expect",
    "find_exercise",
    "hint",
    "is_stub",
    "judge",
    "lessons",
    "load_solution",
    "properties",
    "raises",
    "same",
    "solution",
]

_PACKAGE = Path(__file__).resolve().parent
SOLUTIONS = _PACKAGE.parent / "notebooks" / "solutions"


# --- what an exercise is ----------------------------------------------------------------------------


class Wrong(Exception):
    """A property does not hold. The message tells the student which, and for which input."""


@dataclass(frozen=True)
class Mistake:
    """A typical wrong answer, and a part of the message that it must receive."""

    answer: Any
    message: str


@dataclass(frozen=True)
class Exercise:
    """One exercise. The module docstring shows how to write one.

    Parameters
    ----------
    id : str
        Lesson and number: "5.1".
    title : str
    name : str
        The function or variable that the student fills in.
    hints : tuple of str
        Two or three, each one step nearer to the answer.
    test : callable
        ``test(answer, rng)`` yields the name of each property that holds and raises `Wrong` at the first
        that does not. `rng` is a numpy Generator.
    mistakes : tuple of Mistake
        At least two.
    seconds : float
        How long the whole test may take.
    in_place : bool
        True if the answer is meant to change its input or to return None.
    """

    id: str
    title: str
    name: str
    hints: tuple[str, ...]
    test: Callable[[Any, np.random.Generator], Iterator[str]]
    mistakes: tuple[Mistake, ...]
    seconds: float = 10
    in_place: bool = False


@dataclass(frozen=True)
class Verdict:
    """What `judge` found: the properties that hold, why the next one does not, and what the answer printed."""

    passed: bool
    held: tuple[str, ...]
    reason: str = ""
    printed: str = ""


# --- for students -----------------------------------------------------------------------------------


def check(exercise_id: str, answer: Any) -> None:
    """Check your answer and print which properties hold and, if one does not, why.

    What you reached is recorded in your progress file (`musiclab.progress`); an answer that is as the notebook gave it is not.

    Parameters
    ----------
    exercise_id : str
        "5.1" is exercise 1 of lesson 05.
    answer : object
        What the exercise asks for: the function itself (without brackets), or the value.

    Raises
    ------
    AssertionError
        Only under nbgrader, or if the environment variable ``MUSICLAB_GRADING`` is "1": after all is printed, with the reason,
        if the answer is not right or was not attempted. By that it is seen which cell earns its points. Nothing is recorded then.
    """
    exercise = find_exercise(exercise_id)
    label = f"{exercise.id} {exercise.title}"
    if is_stub(answer):
        print(f"{label}: not attempted yet.")
        if _grading():
            raise AssertionError(f"{label}: not attempted yet.")
        return
    verdict = judge(exercise, answer)
    _print_verdict(exercise, label, verdict)
    if not _grading():
        _tell(record("check", exercise.id, verdict.passed, held=len(verdict.held), of=properties(exercise)))
    elif not verdict.passed:
        raise AssertionError(f"{label}: {verdict.reason}")


def _print_verdict(exercise: Exercise, label: str, verdict: Verdict) -> None:
    for name in verdict.held:
        print(f"✓ {name}")
    if not verdict.passed:
        print(f"✗ {verdict.reason}")
    if verdict.printed:
        print(f"Your code printed:\n{verdict.printed}")
    count = len(verdict.held)
    if verdict.passed:
        how_many = {1: "the property holds", 2: "both properties hold"}.get(count, f"all {count} properties hold")
        print(f"{label}: {how_many}.")
    else:
        print(f'{label}: not yet – hint("{exercise.id}") helps.')


def _grading() -> bool:
    """Tell whether a program gives points for what the checks say; nbgrader names itself where it does."""
    return os.environ.get("MUSICLAB_GRADING") == "1" or "NBGRADER_EXECUTION" in os.environ


def _tell(sentence: str) -> None:
    """Say what the student has to know about the progress file; mostly there is nothing."""
    if sentence:
        print(sentence)


def is_stub(answer: Any) -> bool:
    """Tell whether an answer is as the notebook gave it: None, ``...``, or a function with nothing in it.

    A function has nothing in it if its body is at most a docstring and ``...``, ``pass`` or ``return None``. A list,
    tuple or dict of nothing but ``...`` is a stub too.
    """
    if isinstance(answer, list | tuple | dict) and answer:
        return all(item is ... for item in (answer.values() if isinstance(answer, dict) else answer))
    code = getattr(inspect.unwrap(answer) if callable(answer) else answer, "__code__", None)
    if not isinstance(code, CodeType):
        return answer is None or answer is ...
    # What is left of such a body is one return. How it is spelled depends on the version of Python.
    steps = [step for step in dis.get_instructions(code) if step.opname not in _NOTHING]
    names = [step.opname for step in steps]
    return names in (["LOAD_CONST", "RETURN_VALUE"], ["RETURN_CONST"]) and steps[0].argval in (None, ...)


_NOTHING = {"RESUME", "NOP", "CACHE", "COPY_FREE_VARS", "MAKE_CELL"}
_hints_given: dict[str, int] = {}


def hint(exercise_id: str) -> None:
    """Print the next hint, also if the last one was given yesterday. After the last one the row begins again."""
    exercise = find_exercise(exercise_id)
    given = _hints_given.get(exercise.id)
    if given is None:
        given = min(_hints_recorded(exercise), len(exercise.hints))
    _hints_given[exercise.id] = (given + 1) % (len(exercise.hints) + 1)
    if given < len(exercise.hints):
        print(f"Hint {given + 1} of {len(exercise.hints)}: {exercise.hints[given]}")
        _tell(record("hint", exercise.id, hints=given + 1))
    else:
        print(f'{exercise.id}: there are no more hints. solution("{exercise.id}") shows a worked answer.')


def _hints_recorded(exercise: Exercise) -> int:
    """Return how many hints the progress file knows of. What is wrong with that file is said by whoever writes it."""
    path = progress_path()
    with contextlib.suppress(OSError, ValueError):
        entry = read(path).exercises.get(exercise.id) if path else None
        return entry.hints if entry else 0
    return 0


def solution(exercise_id: str) -> None:
    """Print a worked answer."""
    exercise = find_exercise(exercise_id)
    try:
        _, start, text = _solution_text(exercise)
    except FileNotFoundError as error:
        print(error)
    else:
        print("\n".join(text.splitlines()[start:]).strip())
        _tell(record("solution", exercise.id))


# --- finding exercises and solutions ----------------------------------------------------------------


def lessons() -> list[int]:
    """Return the numbers of the lessons that have exercises."""
    return sorted(int(path.stem[-2:]) for path in (_PACKAGE / "lessons").glob("lesson_[0-9][0-9].py"))


def exercises_of(lesson: int) -> tuple[Exercise, ...]:
    """Return the exercises of a lesson, in order. Raises ValueError if it has none."""
    module = f"{__package__}.lessons.lesson_{lesson:02d}"
    try:
        return tuple(importlib.import_module(module).EXERCISES)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise  # the lesson is there; something that it imports is not
    known = ", ".join(f"{n:02d}" for n in lessons()) or "none yet"
    raise ValueError(f"Lesson {lesson:02d} has no exercises. Lessons with exercises: {known}.")


def find_exercise(exercise_id: str) -> Exercise:
    """Return the exercise "5.1" (or "05.1"). Raises ValueError that names the valid ones."""
    parts = re.fullmatch(r"\s*(\d{1,2})\.(\d{1,3})\s*", exercise_id) if isinstance(exercise_id, str) else None
    if parts is None:
        raise ValueError(f'{exercise_id!r} is not the number of an exercise. Write lesson and number in quotes: "5.1".')
    lesson, number = int(parts[1]), int(parts[2])
    found = exercises_of(lesson)
    for exercise in found:
        if exercise.id == f"{lesson}.{number}":
            return exercise
    raise ValueError(f'There is no exercise "{lesson}.{number}". Lesson {lesson:02d} has {", ".join(e.id for e in found)}.')


def properties(exercise: Exercise) -> int:
    """Return how many properties an exercise's test names when all of them hold: it has a ``yield`` for each."""
    return sum(step.opname == "YIELD_VALUE" for step in dis.get_instructions(exercise.test.__code__))


def load_solution(exercise_id: str) -> Any:
    """Run the worked answer and return what it defines under the name that the student fills in.

    All sections up to this one run in one namespace. Raises FileNotFoundError if the solution is withheld.
    """
    exercise = find_exercise(exercise_id)
    path, _, text = _solution_text(exercise)
    namespace: dict[str, Any] = {"__name__": "__main__"}  # as in a notebook
    exec(compile(text, str(path), "exec"), namespace)
    if exercise.name not in namespace:
        raise NameError(f"the solution of {exercise.id} in {path.name} does not define {exercise.name}.")
    return namespace[exercise.name]


def _solution_text(exercise: Exercise) -> tuple[Path, int, str]:
    """Return the file, the line on which the exercise's section starts, and the text up to the section's end."""
    lesson = int(exercise.id.split(".")[0])
    for path in sorted(SOLUTIONS.glob(f"{lesson:02d}_*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        heads = [(n, re.match(r"# %%\s+(?:\[markdown\]\s+)?(\d+\.\d+)\b", line)) for n, line in enumerate(lines)]
        starts = [(n, head[1]) for n, head in heads if head] + [(len(lines), "")]
        for (start, section), (end, _) in itertools.pairwise(starts):
            if section == exercise.id:
                return path, start, "\n".join(lines[:end]) + "\n"
    raise FileNotFoundError(f"The solution of {exercise.id} is not in this copy of the course. Ask whoever gave it to you.")


# --- for authors: saying what is wrong --------------------------------------------------------------


def expect(condition: Any, message: str) -> None:
    """Stop the test with `message` unless `condition` is true (of an array: everywhere)."""
    if not (condition.all() if isinstance(condition, np.ndarray) else condition):
        raise Wrong(message)


def same(got: Any, wanted: Any, what: str = "", *, tolerance: float = 1e-6) -> None:
    """Stop the test unless `got` equals `wanted`, with a message that names the first difference.

    Parameters
    ----------
    got, wanted : number, truth value, str, array, list, tuple, dict, set, Score, or any nest of these
        A list and a tuple with the same items are the same, and where an array is wanted a list will do.
    what : str
        The subject of the message: "the length of the last window". By default the last call of the answer,
        as in "count_events([0, 1, 1]) is 3, it should be 2".
    tolerance : float
        Floats may differ by this much, absolutely or relative to `wanted`.
    """
    difference = _difference(got, wanted, tolerance)
    if difference:
        where, phrase = difference
        message = f"{what or _last_call()}{' at ' + where if where else ''} {phrase}"
        raise Wrong(message if message.endswith("?") else message + ".")


def raises(error: type[Exception], answer: Callable, *args: Any) -> None:
    """Stop the test unless ``answer(*args)`` raises `error`."""
    try:
        got = answer(*args)
    except error:
        return
    raise Wrong(f"{_last_call()} should raise {error.__name__}, but it returned {describe(got)}.")


def describe(value: Any, width: int = 70) -> str:
    """Show a value on one line of at most about `width` characters."""
    if isinstance(value, np.ndarray) and value.size > 24:
        return f"array of shape {value.shape}"
    text = _short(value)
    return text if len(text) <= width else f"{text[: width - 5]} ... {text[-1]}"


def _short(value: Any) -> str:
    """Like repr, on one line, with floats to six digits and the first items of a long list."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float):
        return f"{value:.6g}"
    if type(value) in (list, tuple):
        inner = ", ".join([_short(item) for item in value[:24]] + ["..."] * (len(value) > 24))
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    try:
        return " ".join(repr(value).split())
    except Exception:
        return f"{_kind(value)} that cannot be shown"


_NO_RETURN = "is None: does your function end with return?"


def _difference(got: Any, wanted: Any, tolerance: float) -> tuple[str, str] | None:
    """Return where two values differ first ("[2]", or "" for the whole) and how; None if they are the same."""
    got = _plain(got)
    if got is None and wanted is not None:
        return "", _NO_RETURN
    if got is ... and wanted is not ...:
        return "", "is still the placeholder ..."
    wanted = _plain(wanted)
    if isinstance(wanted, np.ndarray):
        return _array_difference(got, wanted, tolerance)
    if isinstance(wanted, Real) and not isinstance(wanted, bool):
        return _number_difference(got, wanted, tolerance)
    if isinstance(wanted, list | tuple):
        return _list_difference(got, wanted, tolerance)
    if isinstance(wanted, dict) and isinstance(got, dict):
        return _dict_difference(got, wanted, tolerance)
    if isinstance(wanted, set | frozenset) and isinstance(got, set | frozenset):
        lacks, extra = describe(sorted(wanted - got, key=repr)), describe(sorted(got - wanted, key=repr))
        return None if got == wanted else ("", f"lacks {lacks} and has {extra} too many")
    if not isinstance(got, type(wanted)):
        return "", f"is {_kind(got)}, it should be {_kind(wanted)}"
    if isinstance(getattr(wanted, "notes", None), np.ndarray):  # a Score: say which note
        return _score_difference(got, wanted, tolerance)
    return None if got == wanted else ("", _is(got, wanted))


def _number_difference(got: Any, wanted: Real, tolerance: float) -> tuple[str, str] | None:
    if not isinstance(got, Real) or isinstance(got, bool):
        return "", f"is {_kind(got)}, it should be a number, {describe(wanted)}"
    if got != got:
        return None if wanted != wanted else ("", f"is NaN, not a number; it should be {describe(wanted)}")
    if isinstance(got, int) and isinstance(wanted, int):  # exact, and of any size
        return None if got == wanted else ("", _is(got, wanted))
    try:
        close = bool(np.isclose(float(got), float(wanted), rtol=tolerance, atol=tolerance))
    except OverflowError:
        close = False
    return None if close else ("", _is(got, wanted))


def _list_difference(got: Any, wanted: Sequence, tolerance: float) -> tuple[str, str] | None:
    if not isinstance(got, list | tuple | np.ndarray):
        return "", f"is {_kind(got)}, it should be {_kind(wanted)}"
    if len(got) != len(wanted):
        return "", f"has {_items(len(got))}, it should have {len(wanted)}"
    for index, (mine, other) in enumerate(zip(got, wanted, strict=True)):
        if difference := _difference(mine, other, tolerance):
            return f"[{index}]{difference[0]}", difference[1]
    return None


def _dict_difference(got: dict, wanted: dict, tolerance: float) -> tuple[str, str] | None:
    for key in wanted:
        if key not in got:
            return "", f"lacks the key {describe(key)}"
        if difference := _difference(got[key], wanted[key], tolerance):
            return f"[{describe(key)}]{difference[0]}", difference[1]
    extra = [key for key in got if key not in wanted]
    return ("", f"has a key too many: {describe(extra[0])}") if extra else None


def _array_difference(got: Any, wanted: np.ndarray, tolerance: float) -> tuple[str, str] | None:
    if not isinstance(got, list | tuple | np.ndarray):
        return "", f"is {_kind(got)}, it should be an array of shape {wanted.shape}"
    try:
        array = np.asarray(got)
    except ValueError:
        return "", "cannot be made into an array: its rows have different lengths"
    if array.shape != wanted.shape:
        return "", f"has the shape {array.shape}, it should be {wanted.shape}"
    if not wanted.size:
        return None
    if wanted.dtype.kind == "O":
        return _list_difference(array.tolist(), wanted.tolist(), tolerance)
    if _holds(array) != _holds(wanted) or array.dtype.names != wanted.dtype.names:
        return "", f"holds {_holds(array)}, it should hold {_holds(wanted)}"
    if wanted.dtype.kind in "fc" or array.dtype.kind in "fc":
        lost = np.isnan(array) & ~np.isnan(wanted)
        if lost.any():
            return _index(lost), f"is NaN, not a number{_of(lost)}"
        wrong = ~np.isclose(array, wanted, rtol=tolerance, atol=tolerance, equal_nan=True)
    elif wanted.dtype.names:
        wrong = np.any([array[name] != wanted[name] for name in wanted.dtype.names], axis=0)
    else:
        wrong = array != wanted
    if not np.any(wrong):
        return None
    first = tuple(np.argwhere(wrong)[0].tolist())
    return _index(wrong), _is(array[first], wanted[first]) + _of(wrong)


def _score_difference(got: Any, wanted: Any, tolerance: float) -> tuple[str, str] | None:
    if len(got.notes) != len(wanted.notes):
        return "", f"has {len(got.notes)} notes, it should have {len(wanted.notes)}"
    if difference := _array_difference(got.notes, wanted.notes, tolerance):
        return f"note {difference[0]}", difference[1]
    return None if got == wanted else ("", _is(got, wanted))


def _index(wrong: np.ndarray) -> str:
    """Write the index of the first True: "[2, 3]"."""
    return f"[{', '.join(str(i) for i in np.argwhere(wrong)[0])}]" if wrong.ndim else ""


def _of(wrong: np.ndarray) -> str:
    """Add how many values are wrong, if it is more than the one that is shown."""
    count = int(np.sum(wrong))
    return f" ({count} of {wrong.size} values are wrong)" if count > 1 else ""


def _is(got: Any, wanted: Any) -> str:
    mine, other = describe(got), describe(wanted)
    if mine == other:  # they differ in what describe leaves out
        mine, other = repr(got), repr(wanted)
    return f"is {mine}, it should be {other}"


def _holds(array: np.ndarray) -> str:
    """Name what the items of an array are, in words that a message can use."""
    if array.dtype.names:
        return "records"
    kinds = {"b": "truth values", "c": "complex numbers", "U": "texts", "S": "bytes"} | dict.fromkeys("iuf", "numbers")
    return kinds.get(array.dtype.kind, f"values of type {array.dtype}")


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count} items"


def _plain(value: Any) -> Any:
    """Turn a tensor into an array, and a scalar array into the Python number it holds."""
    if isinstance(value, type) or not hasattr(value, "__array__"):
        return value
    try:
        array = np.asarray(value)
    except Exception:
        return value  # a symbolic tensor has no values yet
    return array.item() if array.ndim == 0 else array


def _kind(value: Any) -> str:
    """Name the kind of a value: "a list", "an array of shape (3,)"."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if inspect.isgenerator(value) or isinstance(value, map | filter | zip | range):
        return f"a {type(value).__name__} (list(...) makes a list of it)"
    if inspect.isroutine(value):
        return "a function (are the brackets of a call missing?)"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    names = {bool: "a truth value", str: "a text", int: "a number", float: "a number"}
    name = type(value).__name__
    return names.get(type(value), f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}")


# --- judging an answer ------------------------------------------------------------------------------


@dataclass
class _Run:
    """What is known while a test runs. Written by the test's thread, read by the one that waits."""

    held: list[str] = field(default_factory=list)
    reason: str = ""
    finished: bool = False
    call: tuple[str, tuple, dict] | None = None  # the last call of the answer: name, args, kwargs
    returned: Any = ...
    raised: BaseException | None = None

    def last_call(self) -> str:
        if self.call is None:
            return "your answer"
        name, args, kwargs = self.call
        shown = [describe(a, 60) for a in args] + [f"{k}={describe(v, 60)}" for k, v in kwargs.items()]
        return f"{name}({', '.join(shown)})"


_runs = threading.local()  # .current: the run of the test that this thread is in
_one_at_a_time = threading.Lock()  # sys.stdout can be swapped by one check only


def _last_call() -> str:
    run = getattr(_runs, "current", None)
    return run.last_call() if run else "your answer"


def judge(exercise: Exercise, answer: Any, rng: np.random.Generator | None = None) -> Verdict:
    """Run an exercise's test on an answer, in a thread with a time limit. It never raises what the answer raises.

    Parameters
    ----------
    exercise : Exercise
    answer : object
    rng : numpy.random.Generator, optional
        Where the inputs come from. By default a new one, so that no two checks are alike.
    """
    run = _Run()
    rng = np.random.default_rng() if rng is None else rng
    watched = _watch(answer, run, exercise.in_place) if _is_function(answer) else answer
    thread = threading.Thread(target=_work, args=(run, exercise, watched, answer, rng), daemon=True)
    with _one_at_a_time, _Capture(thread) as printed:
        thread.start()
        try:
            in_time = _wait(thread, exercise.seconds)
            if not in_time:
                run.reason = _too_long(thread, exercise, run)  # says where the code is, so before it is stopped
        finally:  # also after an interrupt of the kernel
            stopped = _stop(thread)
    if not stopped:
        run.reason += "\n  It could not be stopped: restart the kernel."
    return Verdict(in_time and run.finished and not run.reason, tuple(run.held), run.reason, printed.text())


def _work(*args: Any) -> None:
    """Run a test to its end; `_stop` may end it at any line."""
    with contextlib.suppress(SystemExit):
        _collect(*args)


def _collect(run: _Run, exercise: Exercise, watched: Any, answer: Any, rng: np.random.Generator) -> None:
    """Collect the properties that hold; turn whatever ends the test into a reason."""
    _runs.current = run
    reason = ""
    try:
        for name in exercise.test(watched, rng):
            run.held.append(name)
        if not run.held:
            reason = "This exercise checks nothing. That is a mistake of the course, not yours."
    except Wrong as wrong:
        reason = str(wrong)
        if run.returned is None and not exercise.in_place and "None" not in reason:
            reason += f" {run.last_call()} {_NO_RETURN}"
    except BaseException as error:  # the answer may raise anything, even SystemExit
        reason = run.reason or _explain(error, run, exercise, answer)
    # A test that was stopped for its time has its reason already.
    run.reason = run.reason or reason
    run.finished = True


def _is_function(answer: Any) -> bool:
    return inspect.isroutine(answer) or isinstance(answer, functools.partial)


def _watch(function: Callable, run: _Run, in_place: bool) -> Callable:
    """Wrap a function so that the run knows its last call, and a changed input is noticed."""
    name = getattr(function, "__name__", "your_function")
    name = "your_function" if name == "<lambda>" else name

    @functools.wraps(function)
    def watched(*args: Any, **kwargs: Any) -> Any:
        before = _fingerprint([args, kwargs])
        run.call, run.returned = (name, args, kwargs), ...
        try:
            run.returned = function(*args, **kwargs)
        except BaseException as error:
            run.raised = error
            raise
        if not in_place and _fingerprint([args, kwargs]) != before:
            raise Wrong(f"{name} changed its input. Work on a copy of it.")
        return run.returned

    return watched


def _fingerprint(value: Any) -> Any:
    """Return something that changes when a list, dict, set or array inside `value` is changed."""
    if isinstance(value, np.ndarray):
        return (value.shape, value.dtype.str, value.tobytes())
    if isinstance(value, list | tuple):
        return tuple(_fingerprint(item) for item in value)
    if isinstance(value, dict):
        return tuple((key, _fingerprint(item)) for key, item in value.items())
    if isinstance(value, set):
        return frozenset(value)
    if isinstance(value, float):
        return repr(value)  # NaN does not equal itself
    return value if isinstance(value, str | int | bytes) else id(value)


# --- explaining an error ----------------------------------------------------------------------------


def _explain(error: BaseException, run: _Run, exercise: Exercise, answer: Any) -> str:
    """Say what was raised, by whom and, if it was the student's code, in which line."""
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, StopIteration):
        error = error.__cause__  # Python renames this one on its way through a generator
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    where = _students_line(_frames(error), exercise.test.__code__)
    if error is run.raised or where:
        return f"{run.last_call()} raised {what}" + (f"\n  {where}" if where else "")
    if not exercise.in_place and run.returned is None:
        return f"{run.last_call()} {_NO_RETURN}"
    if not callable(answer) and "not callable" in str(error):
        name = exercise.name
        return f'your answer is {_kind(answer)}. Give the function itself, without brackets: check("{exercise.id}", {name}).'
    got = "your answer is" if run.call is None else f"{run.last_call()} is"
    return f"{got} {describe(answer if run.call is None else run.returned)}, and the check cannot use that ({what})."


def _frames(error: BaseException) -> list[tuple[CodeType, int]]:
    """Return code and line number of each frame of a traceback, the innermost first."""
    frames, step = [], error.__traceback__
    while step:
        frames.append((step.tb_frame.f_code, step.tb_lineno))
        step = step.tb_next
    return frames[::-1]


def _running(frame: FrameType | None) -> list[tuple[CodeType, int]]:
    """Return code and line number of each frame of a thread that runs, the innermost first."""
    frames = []
    while frame:
        frames.append((frame.f_code, frame.f_lineno or 0))
        frame = frame.f_back
    return frames


def _students_line(frames: list[tuple[CodeType, int]], test: CodeType) -> str:
    """Name the innermost line that is neither the course's nor a library's; "" if there is none."""
    for code, line in frames:
        if code is test or code.co_filename.startswith(("<frozen", *_LIBRARIES)) or code.co_filename.endswith(".pyx"):
            continue  # (compiled libraries, such as NumPy's random numbers, name their source without its folder)
        source = linecache.getline(code.co_filename, line).strip()  # notebook cells are in linecache too
        number = line - code.co_firstlineno + 1
        name = "your function" if code.co_name == "<lambda>" else code.co_name
        return f"in line {number} of {name}" + (f": {source}" if source else "")
    return ""


def _library_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {str(_PACKAGE), str(Path(np.__file__).parent.parent), *(paths[k] for k in ("stdlib", "purelib", "platlib"))}
    return tuple(os.path.join(folder, "") for folder in folders)


_LIBRARIES = _library_folders()


# --- a time limit that works in every kernel --------------------------------------------------------


def _wait(thread: threading.Thread, seconds: float) -> bool:
    """Wait for a thread; return whether it ended in time. In short turns, so that a kernel can be interrupted."""
    end = time.monotonic() + seconds
    while thread.is_alive() and time.monotonic() < end:
        thread.join(0.1)
    return not thread.is_alive()


def _too_long(thread: threading.Thread, exercise: Exercise, run: _Run) -> str:
    frames = _running(sys._current_frames().get(thread.ident or 0))
    where = _students_line(frames, exercise.test.__code__)
    text = f"took longer than {exercise.seconds:g} s for {run.last_call()}: is there a loop that never ends?"
    return text + (f"\n  It was {where}" if where else "")


def _stop(thread: threading.Thread) -> bool:
    """Raise SystemExit inside a thread until it ends, for at most a second; return whether it did.

    A signal would reach the main thread only, and not on Windows. Repeated, because the code may catch it.
    """
    for _ in range(10):
        if not thread.is_alive():
            return True
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
        thread.join(0.1)
    return not thread.is_alive()


class _Capture:
    """Replaces stdout and stderr for a while: keeps the first of what one thread writes, lets the others through."""

    CHARACTERS, LINES = 1000, 20

    def __init__(self, thread: threading.Thread) -> None:
        self.thread = thread
        self.kept = ""
        self.dropped = False

    def __enter__(self) -> _Capture:
        self.before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = (_Stream(self, stream) for stream in self.before)
        return self

    def __exit__(self, *error: object) -> None:
        if not self.thread.is_alive():  # code that could not be stopped must not flood the notebook
            sys.stdout, sys.stderr = self.before

    def keep(self, text: str) -> int:
        """Take what the thread writes, as far as there is room."""
        room = self.CHARACTERS - len(self.kept)
        self.kept += text[:room]
        self.dropped |= len(text) > room
        return len(text)

    def text(self) -> str:
        """Return what was kept."""
        lines = self.kept.rstrip().splitlines()
        more = ["... and more"] if self.dropped or len(lines) > self.LINES else []
        return "\n".join(lines[: self.LINES] + more)


class _Stream:
    """A stream that hands one thread's words to a `_Capture` and is the original for everything else."""

    def __init__(self, capture: _Capture, stream: Any) -> None:
        self._capture, self._stream = capture, stream

    def write(self, text: str) -> int:
        """Write, or keep what the watched thread writes."""
        return (self._capture.keep if threading.current_thread() is self._capture.thread else self._stream.write)(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
