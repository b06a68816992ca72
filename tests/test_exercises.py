"""Exercises: right answers pass, wrong ones hear why, and nothing that a student writes breaks the check.

The first part tests the machinery on made-up exercises; the second part every exercise of the course.
"""

import ast
import functools
import linecache
import re
import sys
import threading
import time
import types
from pathlib import Path

import numpy as np
import pytest

from musiclab import exercises
from musiclab.exercises import (
    Exercise,
    Mistake,
    Wrong,
    check,
    describe,
    exercises_of,
    expect,
    find_exercise,
    hint,
    is_stub,
    judge,
    lessons,
    load_solution,
    properties,
    raises,
    same,
    solution,
)
from musiclab.score import Score

SOURCES = Path(__file__).parent.parent / "notebooks" / "source"

# --- a made-up lesson 95 ----------------------------------------------------------------------------


def _count_events(answer, rng):
    onsets = np.cumsum(rng.integers(1, 4, rng.integers(5, 20))) / 2
    same(answer(onsets), len(onsets))
    yield "counts single notes"
    same(answer(np.repeat(onsets, 3)), len(onsets))
    yield "counts a chord as one event"
    raises(ValueError, answer, [])
    yield "refuses an empty piece"


def _half(answer, rng):
    same(answer, 0.5)
    yield "is a half"


def right(onsets):
    if not len(onsets):
        raise ValueError("no notes")
    return len(np.unique(onsets))


COUNT = Exercise(
    id="95.1",
    title="Count the events",
    name="count_events",
    hints=("First.", "Second."),
    test=_count_events,
    mistakes=(Mistake(lambda onsets: len(onsets), "it should be"), Mistake(lambda onsets: 7, "is 7")),
    seconds=1,
)
HALF = Exercise(
    "95.2", "A half", "half", ("First.", "Second."), _half, (Mistake(1, "is 1, it should be 0.5"), Mistake("x", "text"))
)
SOLUTIONS = """# ---
# jupyter: ignored
# ---
# %%
import numpy as np

# %% 95.1 Count the events
def count_events(onsets):
    if not len(onsets):
        raise ValueError("no notes")
    return distinct(onsets)

# %% [markdown]
# A word on why.

# %%
def distinct(values):
    return len(np.unique(values))

# %% 95.2 A half
half = distinct([1]) / 2
"""


@pytest.fixture(autouse=True)
def lesson(monkeypatch, tmp_path):
    module = types.ModuleType("musiclab.lessons.lesson_95")
    module.EXERCISES = [COUNT, HALF]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(exercises, "_hints_given", {})


@pytest.fixture
def solutions(monkeypatch, tmp_path):
    (tmp_path / "95_made_up.py").write_text(SOLUTIONS, encoding="utf-8")
    monkeypatch.setattr(exercises, "SOLUTIONS", tmp_path)
    return tmp_path


def lines(capsys):
    return capsys.readouterr().out.splitlines()


# --- check ------------------------------------------------------------------------------------------


def test_right_answer(capsys):
    assert check("95.1", right) is None
    assert lines(capsys) == [
        "✓ counts single notes",
        "✓ counts a chord as one event",
        "✓ refuses an empty piece",
        "95.1 Count the events: all 3 properties hold.",
    ]


def test_wrong_answer_names_property_input_and_reason(capsys):
    check("95.1", len)
    first, second, last = lines(capsys)
    assert first == "✓ counts single notes"
    assert re.fullmatch(r"✗ len\(.*\) is \d+, it should be \d+\.", second)
    assert last == '95.1 Count the events: not yet – hint("95.1") helps.'


def test_an_error_in_compiled_code_names_the_students_line(capsys):
    def draws(onsets):
        return np.random.default_rng(0).choice([], 3)

    check("95.1", draws)
    out = capsys.readouterr().out
    assert "in line 2 of draws: return np.random" in out and "_generator" not in out


def test_value_as_answer(capsys):
    check("95.2", 0.5)
    assert lines(capsys) == ["✓ is a half", "95.2 A half: the property holds."]
    check("95.2", 0.25)
    assert lines(capsys)[0] == "✗ your answer is 0.25, it should be 0.5."


def test_padded_id(capsys):
    check("95.01", right)
    assert "95.1 Count the events" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong_id", "words"),
    [
        ("95.3", ['"95.3"', "95.1, 95.2"]),
        ("96.1", ["Lesson 96 has no exercises"]),
        (95.1, ["in quotes"]),
        ("first", ["in quotes"]),
        ("../x.1", ["in quotes"]),
    ],
)
def test_unknown_id_names_the_valid_ones(wrong_id, words):
    for function in (lambda i: check(i, 1), hint, solution, load_solution, find_exercise):
        with pytest.raises(ValueError) as error:
            function(wrong_id)
        assert all(word in str(error.value) for word in words)


def test_broken_lesson_module_is_not_called_missing(monkeypatch):
    def fail(name):
        raise ModuleNotFoundError("No module named 'other'", name="other")

    monkeypatch.setattr(exercises.importlib, "import_module", fail)
    with pytest.raises(ModuleNotFoundError):
        exercises_of(95)


# --- stubs ------------------------------------------------------------------------------------------


def _doc(x, y=3):
    """Only words."""


def _dots(x):
    """Words."""
    ...


def _pass(x): pass  # fmt: skip


def _closure():
    outer = 3

    def inner(x):
        ...
        pass
        return None

    return inner, lambda: outer


def _prints(x):
    print(x)


def _assigns(x):
    y = x  # noqa: F841


def _answers(x):
    return 42


def _raises(x):
    raise NotImplementedError


STUBS = [None, ..., _doc, _dots, _pass, _closure()[0], lambda x: ..., lambda x: None, (..., ...), {"a": ...}, [...]]
NOT_STUBS = [
    0,
    "",
    False,
    [],
    (),
    {},
    [1, ...],
    np.zeros(3),
    len,
    _closure()[1],
    _prints,
    _assigns,
    _answers,
    _raises,
    print,
    int,
]


@pytest.mark.parametrize("answer", STUBS, ids=lambda value: getattr(value, "__qualname__", None) or repr(value))
def test_stub_is_quiet(answer, capsys):
    check("95.1", answer)
    assert lines(capsys) == ["95.1 Count the events: not attempted yet."]


@pytest.mark.parametrize("answer", NOT_STUBS, ids=lambda value: getattr(value, "__qualname__", None) or repr(value))
def test_anything_else_is_an_attempt(answer, capsys):
    assert not is_stub(answer)
    check("95.1", answer)
    assert "✗" in capsys.readouterr().out


def test_stub_behind_a_decorator():
    assert is_stub(functools.wraps(_dots)(lambda x: _dots(x)))


# --- answers that raise, hang, print, or change their input ------------------------------------------


def test_error_shows_the_students_own_line():
    def answer(onsets):
        total = 0
        return onsets[total - 999]

    reason = judge(COUNT, answer).reason
    assert re.match(r"answer\(.*\) raised IndexError: index -999", reason)
    assert "in line 3 of answer: return onsets[total - 999]" in reason


def test_error_in_a_notebook_cell_and_without_source():
    source = "def helper(x):\n    return x.nope\n\ndef answer(onsets):\n    return helper(onsets)\n"
    for name, known in (("<cell 1>", True), ("<cell 2>", False)):
        if known:
            linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        namespace = {}
        exec(compile(source, name, "exec"), namespace)
        reason = judge(COUNT, namespace["answer"]).reason
        assert "AttributeError" in reason
        assert "in line 2 of helper" in reason  # where it happened, not where the check called
        assert ("return x.nope" in reason) == known


def test_error_inside_a_library_shows_the_students_line():
    reason = judge(COUNT, lambda onsets: np.concatenate([])).reason
    assert "in line 1 of your function" in reason
    assert "np.concatenate" in reason


def test_missing_return():
    assert "is None: does your function end with return?" in judge(COUNT, lambda onsets: print("", end="")).reason


def test_missing_return_where_the_test_itself_stumbles():
    def uses_it(answer, rng):
        expect(answer(3).shape == (3,), "has the wrong shape.")
        yield "has a shape"

    reason = judge(Exercise("95.3", "t", "f", (), uses_it, ()), _prints).reason
    assert reason == "_prints(3) is None: does your function end with return?"
    reason = judge(Exercise("95.3", "t", "f", (), uses_it, ()), lambda x: "abc").reason
    assert "your_function(3) is 'abc', and the check cannot use that (AttributeError" in reason


def test_missing_return_is_added_to_the_authors_words():
    def author(answer, rng):
        got = answer(3)
        expect(isinstance(got, list), "for the number 3: the answer is no list.")
        yield "is a list"

    exercise = Exercise("95.3", "t", "f", (), author, ())
    assert judge(exercise, _prints).reason.endswith("no list. _prints(3) is None: does your function end with return?")
    assert judge(exercise, _answers).reason == "for the number 3: the answer is no list."


def test_result_instead_of_function():
    assert 'without brackets: check("95.1", count_events)' in judge(COUNT, 3).reason


def test_wrong_number_of_arguments():
    assert "takes 0 positional arguments" in judge(COUNT, lambda: 3).reason


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration, MemoryError, RecursionError])
def test_every_exception_is_reported(error):
    def answer(onsets):
        raise error

    verdict = judge(COUNT, answer)
    assert not verdict.passed
    assert f"raised {error.__name__}" in verdict.reason
    assert "in line 2 of answer: raise error" in verdict.reason


def test_endless_recursion():
    def answer(onsets):
        return answer(onsets)

    assert "RecursionError" in judge(COUNT, answer).reason


def test_endless_loop_is_stopped():
    def answer(onsets):
        while True:
            onsets = onsets + 1

    before = threading.active_count()
    start = time.monotonic()
    verdict = judge(COUNT, answer)
    assert 1 <= time.monotonic() - start < 2.5
    assert re.match(r"took longer than 1 s for answer\(.*\): is there a loop that never ends\?", verdict.reason)
    assert "It was in line" in verdict.reason
    assert not verdict.passed
    assert threading.active_count() == before
    assert judge(COUNT, right).passed  # nothing is left behind


def test_endless_loop_that_catches_everything_once():
    def answer(onsets):
        try:
            while True:
                pass
        except BaseException:
            while True:
                pass

    assert "took longer" in judge(COUNT, answer).reason


def test_code_that_cannot_be_stopped_is_named_and_muted(capsys):
    stop = threading.Event()

    def answer(onsets):
        while not stop.is_set():
            try:
                while not stop.is_set():
                    time.sleep(0.005)
                    print("still here")
            except BaseException:
                pass
        return 1

    try:
        verdict = judge(COUNT, answer)
        time.sleep(0.05)
        print("end")
        assert capsys.readouterr().out == "end\n"
        assert "took longer" in verdict.reason
    finally:
        stop.set()


def test_time_spent_before_the_first_property_and_properties_kept():
    def slow(answer, rng):
        yield "a first property"
        answer(1)
        yield "never"

    verdict = judge(Exercise("95.3", "t", "f", (), slow, (), seconds=0.3), lambda x: time.sleep(0.6))
    assert verdict.held == ("a first property",)
    assert "took longer than 0.3 s for your_function(1)" in verdict.reason


def test_check_outside_the_main_thread(capsys):
    """Newer kernels run widget callbacks in other threads, where no signal arrives."""
    worker = threading.Thread(target=check, args=("95.1", lambda onsets: [0 for _ in iter(int, 1)]))
    worker.start()
    worker.join(5)
    assert "took longer than 1 s" in capsys.readouterr().out


def test_checks_at_the_same_time_do_not_mix():
    stdout = sys.stdout
    verdicts = {}

    def run(word):
        verdicts[word] = judge(COUNT, lambda onsets: print(word) or right(onsets))

    threads = [threading.Thread(target=run, args=(word,)) for word in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(v.passed and set(v.printed.split()) == {word} for word, v in verdicts.items())
    assert sys.stdout is stdout


def test_prints_are_shown_after_the_properties_and_cut(capsys):
    def answer(onsets):
        print("looking at", len(onsets))
        print("to stderr", file=sys.stderr)
        return right(onsets)

    check("95.1", answer)
    out, err = capsys.readouterr()
    assert not err
    assert out.index("✓ refuses") < out.index("Your code printed:") < out.index("looking at") < out.index("all 3 properties")

    def chatty(onsets):
        for n in range(10_000):
            print(n)
        return right(onsets)

    check("95.1", chatty)
    out = lines(capsys)
    assert len(out) < 30
    assert "... and more" in out


def test_others_may_print_meanwhile(capsys):
    """Only the words of the answer are captured."""
    timer = threading.Timer(0.2, lambda: print("from elsewhere"))
    timer.start()
    verdict = judge(COUNT, lambda onsets: time.sleep(0.2) or right(onsets))
    timer.join()
    assert verdict.passed
    assert not verdict.printed
    assert capsys.readouterr().out == "from elsewhere\n"


@pytest.mark.parametrize(
    ("value", "change"),
    [
        (np.zeros(3), lambda v: v.__setitem__(0, 1)),
        ([1, [2]], lambda v: v[1].append(3)),
        ({"a": [1]}, lambda v: v["a"].append(3)),
        ({1, 2}, lambda v: v.add(3)),
    ],
)
def test_changed_input_is_noticed(value, change):
    def twice(answer, rng):
        answer(value)
        yield "is called"

    exercise = Exercise("95.3", "t", "f", (), twice, ())
    assert judge(exercise, lambda v: repr(v)).passed
    assert "changed its input" in judge(exercise, change).reason
    in_place = Exercise("95.3", "t", "f", (), twice, (), in_place=True)
    assert judge(in_place, change).passed


def test_fresh_inputs_each_time():
    seen = set()

    def numbers(answer, rng):
        seen.add(int(rng.integers(1 << 60)))
        yield "drew"

    for _ in range(5):
        judge(Exercise("95.3", "t", "f", (), numbers, ()), 1)
    assert len(seen) == 5


def test_exercise_that_checks_nothing_never_passes():
    def nothing(answer, rng):
        return
        yield

    verdict = judge(Exercise("95.3", "t", "f", (), nothing, ()), 1)
    assert not verdict.passed
    assert "mistake of the course" in verdict.reason


# --- hints and solutions ----------------------------------------------------------------------------


def test_hints_come_in_steps(capsys):
    for _ in range(4):
        hint("95.1")
    assert lines(capsys) == [
        "Hint 1 of 2: First.",
        "Hint 2 of 2: Second.",
        '95.1: there are no more hints. solution("95.1") shows a worked answer.',
        "Hint 1 of 2: First.",
    ]
    hint("95.2")  # each exercise counts its own
    assert lines(capsys) == ["Hint 1 of 2: First."]


def test_solution_prints_its_section(solutions, capsys):
    solution("95.1")
    out = capsys.readouterr().out
    assert out.startswith("# %% 95.1 Count the events\ndef count_events")
    assert "return len(np.unique(values))" in out
    assert "95.2" not in out
    assert "jupyter" not in out


def test_solution_withheld(solutions, capsys):
    (solutions / "95_made_up.py").unlink()
    solution("95.1")
    assert lines(capsys) == ["The solution of 95.1 is not in this copy of the course. Ask whoever gave it to you."]
    with pytest.raises(FileNotFoundError):
        load_solution("95.1")


def test_load_solution_shares_names_between_sections(solutions):
    assert judge(COUNT, load_solution("95.1")).passed
    assert load_solution("95.2") == 0.5


def test_load_solution_that_defines_something_else(solutions):
    (solutions / "95_made_up.py").write_text("# %% 95.1 Count\ncount = len\n", encoding="utf-8")
    with pytest.raises(NameError, match="count_events"):
        load_solution("95.1")


# --- same and describe ------------------------------------------------------------------------------

_NOTES = Score([(0, 1, 60), (1, 1, 62)])

EQUAL = [
    (3, 3.0),
    (np.int64(3), 3),
    (np.float32(0.5), 0.5),
    (np.array(3), 3),
    (1.0 + 1e-9, 1),
    (10**400, 10**400),
    (float("nan"), float("nan")),
    (float("inf"), np.inf),
    (np.True_, True),
    ("C4", "C4"),
    ([1, 2], (1, 2)),
    (np.array([1, 2]), [1, 2]),
    ([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]])),
    ([], np.zeros(0)),
    ([[], [0.5]], [[], [0.5 + 1e-9]]),
    ({"a": [1.0]}, {"a": np.array([1])}),
    ({1, 2}, {2, 1}),
    (np.array([np.nan, 1]), np.array([np.nan, 1])),
    (np.array(["a"]), np.array(["a"])),
    (Score([(1, 1, 62), (0, 1, 60)]), _NOTES),
    (_NOTES.notes, _NOTES.notes.copy()),
    (None, None),
]

DIFFERENT = [
    (3, 2, "is 3, it should be 2"),
    (10**400, 2.5, "it should be 2.5"),
    (1.00001, 1.00002, "is 1.00001, it should be 1.00002"),
    (1.0000001, 1.0000045, "is 1.0000001, it should be 1.0000045"),
    (True, 1, "is a truth value, it should be a number"),
    (1, True, "is a number, it should be a truth value"),
    ("3", 3, "is a text, it should be a number"),
    (None, 3, "is None: does your function end with return?"),
    (None, [3], "is None: does your function end with return?"),
    (3, None, "is a number, it should be None"),
    (..., 3, "placeholder"),
    (float("nan"), 3, "is NaN"),
    (float("inf"), 3, "is inf, it should be 3"),
    (1j, 3, "is a complex"),
    ([1, 3], [1, 2], "at [1] is 3, it should be 2"),
    ([1], [1, 2], "has 1 item, it should have 2"),
    ("ab", ["a", "b"], "is a text, it should be a list"),
    ((x for x in "ab"), ["a", "b"], "list(...)"),
    (range(2), [0, 1], "list(...)"),
    (len, 3, "brackets"),
    ([[1], [2, None]], [[1], [2, 3]], "at [1][1] is None"),
    ({"a": 1}, {"a": 1, "b": 2}, "lacks the key 'b'"),
    ({"a": 1, "b": 2}, {"a": 1}, "a key too many: 'b'"),
    ({"a": [1, 2]}, {"a": [1, 3]}, "at ['a'][1] is 2, it should be 3"),
    ([1], {"a": 1}, "is a list, it should be a dict"),
    ({1, 2}, {2, 3}, "lacks [3] and has [1] too many"),
    (np.zeros((2, 3)), np.zeros((3, 2)), "has the shape (2, 3), it should be (3, 2)"),
    ([[1], [2, 3]], np.zeros((2, 2)), "different lengths"),
    (3, np.zeros(3), "is a number, it should be an array of shape (3,)"),
    (np.array([["a"]]), np.zeros((1, 1)), "holds texts, it should hold numbers"),
    (np.zeros(2, bool), np.zeros(2), "holds truth values, it should hold numbers"),
    (np.array([None, object()]), np.zeros(2), "type object"),
    (np.array([[1, 2], [3, 9]]), np.array([[1, 2], [3, 4]]), "at [1, 1] is 9, it should be 4."),
    (np.zeros(3), np.ones(3), "at [0] is 0, it should be 1 (3 of 3 values are wrong)"),
    (np.array([1, np.nan]), np.array([1, 2]), "at [1] is NaN, not a number"),
    (np.array(["a"]), np.array(["b"]), "at [0] is 'a', it should be 'b'"),
    (Score([(0, 1, 60)]), _NOTES, "has 1 notes, it should have 2"),
    (Score([(0, 1, 60), (1, 1, 63)]), _NOTES, "note [1] is (1, 1, 63, 0, 80), it should be (1, 1, 62, 0, 80)"),
    (Score(_NOTES.notes, title="A"), _NOTES, "it should be Score("),
    (_NOTES.notes, _NOTES, "it should be a Score"),
]


@pytest.mark.parametrize(("got", "wanted"), EQUAL, ids=str)
def test_same(got, wanted):
    same(got, wanted)


@pytest.mark.parametrize(("got", "wanted", "message"), DIFFERENT, ids=range(len(DIFFERENT)))
def test_not_the_same(got, wanted, message):
    with pytest.raises(Wrong) as error:
        same(got, wanted, "it")
    assert str(error.value).startswith("it ")
    assert message in str(error.value)


def test_same_takes_its_tolerance():
    same(1.1, 1, tolerance=0.2)
    same([1.1], np.array([1.0]), tolerance=0.2)
    with pytest.raises(Wrong):
        same([1.1], np.array([1.0]))


def test_expect():
    expect(True, "no")
    expect(np.array([True, True]), "no")
    expect([0], "no")  # as in an if statement: a list holds if there is something in it
    for condition in (False, np.array([True, False]), None, []):
        with pytest.raises(Wrong, match="the reason"):
            expect(condition, "the reason")


class Unshowable:
    def __repr__(self):
        raise RuntimeError

    def __eq__(self, other):
        raise RuntimeError

    __hash__ = None


def test_describe_is_short_and_never_fails():
    assert describe(np.float64(0.1) * 3) == "0.3"
    assert describe(np.zeros((100, 3))) == "array of shape (100, 3)"
    assert describe([0.1 + 0.2, (1,)]) == "[0.3, (1,)]"
    assert describe(Unshowable()) == "an Unshowable that cannot be shown"
    for value in ("x" * 1000, list(range(1000)), {n: n for n in range(1000)}, [["x" * 50] * 50] * 50):
        assert len(describe(value)) <= 72


# --- every exercise of the course -------------------------------------------------------------------

COURSE = [exercise for lesson_number in lessons() for exercise in exercises_of(lesson_number)]
course = pytest.mark.parametrize("exercise", [COUNT, HALF, *COURSE], ids=lambda exercise: exercise.id)


def solved(exercise, monkeypatch, tmp_path):
    """Return the worked answer; the made-up lesson keeps its solutions elsewhere."""
    if exercise in (COUNT, HALF):
        (tmp_path / "95_made_up.py").write_text(SOLUTIONS, encoding="utf-8")
        monkeypatch.setattr(exercises, "SOLUTIONS", tmp_path)
    return load_solution(exercise.id)


def is_function(answer):
    return callable(answer) and not isinstance(answer, type) and hasattr(answer, "__code__")


GARBAGE = [
    lambda *args, **kwargs: None if args else 1,  # not a stub to the eye of check, but gives None
    lambda *args, **kwargs: 1 / 0,
    lambda *args, **kwargs: "C4",
    lambda *args, **kwargs: object(),
    lambda *args, **kwargs: Unshowable(),
    lambda *args, **kwargs: float("inf"),
    lambda *args, **kwargs: float("nan"),
    lambda *args, **kwargs: -(10**400),
    lambda *args, **kwargs: np.full((3, 3), np.nan),
    lambda *args, **kwargs: np.array([None, "x", 3], dtype=object),
    lambda *args, **kwargs: [[1], [2, 3]],
    lambda *args, **kwargs: {},
    lambda *args, **kwargs: (yield),
    lambda *args, **kwargs: int,
    lambda *args, **kwargs: ...,
    lambda: 0,
    float("nan"),
    float("inf"),
    "x",
    object(),
    Unshowable(),
    [object()],
    np.array([None]),
    np.full((2, 2), np.nan),
    {"": ""},
    int,
    range(0),
]


@pytest.mark.parametrize("number", lessons() or [95])
def test_lesson_has_its_exercises(number):
    found = exercises_of(number)
    assert len(found) >= (2 if number == 95 else 3)
    assert [e.id for e in found] == [f"{number}.{k}" for k in range(1, len(found) + 1)]
    assert len({e.name for e in found}) == len(found)


@course
def test_exercise_is_complete(exercise):
    assert 2 <= len(exercise.hints) <= 3
    assert all(isinstance(text, str) and text.strip() for text in exercise.hints)
    assert len(exercise.mistakes) >= 2
    assert all(mistake.message.strip() for mistake in exercise.mistakes)
    assert exercise.title
    assert not exercise.title.endswith(".")
    assert exercise.name.isidentifier()


@course
def test_worked_solution_passes_and_is_quick(exercise, monkeypatch, tmp_path):
    answer = solved(exercise, monkeypatch, tmp_path)
    assert not is_stub(answer)
    for seed in range(5):
        start = time.process_time()
        verdict = judge(exercise, answer, np.random.default_rng(seed))
        assert verdict.passed, f"seed {seed}: {verdict.reason}"
        assert len(set(verdict.held)) == len(verdict.held) > 0
        assert len(verdict.held) == properties(exercise), "a yield for each property, none in a loop"
        assert not verdict.printed
        assert time.process_time() - start < 2, "a check must answer within two seconds on a computer that does nothing else"
    assert judge(exercise, answer).passed


@course
def test_each_mistake_gets_its_message(exercise):
    for number, mistake in enumerate(exercise.mistakes):
        assert not is_stub(mistake.answer)
        for seed in range(3):
            verdict = judge(exercise, mistake.answer, np.random.default_rng(seed))
            assert not verdict.passed, f"mistake {number} passes with seed {seed}"
            assert mistake.message in verdict.reason, f"mistake {number}, seed {seed}: {verdict.reason}"


@course
def test_garbage_neither_passes_nor_crashes(exercise, capsys):
    for number, answer in enumerate(GARBAGE):
        verdict = judge(exercise, answer)
        assert not verdict.passed, f"garbage {number} passes"
        assert verdict.reason.strip()
        check(exercise.id, answer)
    capsys.readouterr()


@course
def test_constant_answer_never_passes(exercise, monkeypatch, tmp_path):
    answer = solved(exercise, monkeypatch, tmp_path)
    if not is_function(answer):
        return  # a value is right or wrong, it has no inputs to ignore
    outputs = []
    judge(exercise, functools.wraps(answer)(lambda *a, **k: outputs.append(answer(*a, **k)) or outputs[-1]))
    assert outputs, "the check never calls the function"
    for constant in (0, 1, 0.5, True, False, "", [], {}, outputs[0], outputs[-1]):
        for _ in range(3):
            assert not judge(exercise, lambda *a, _constant=constant, **k: _constant).passed, f"{constant!r} passes"


def find_stub(exercise, text):
    """Return the statement that defines the stub: the last before the cell that checks it."""
    found = None
    for node in ast.parse(text).body:
        names = [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
        names += [t.id for t in getattr(node, "targets", [getattr(node, "target", None)]) if isinstance(t, ast.Name)]
        if exercise.name in names:
            found = node
        if isinstance(node, ast.Expr) and ast.unparse(node) == f"check('{exercise.id}', {exercise.name})":
            return found
    pytest.fail(f'no cell says check("{exercise.id}", {exercise.name})')


def stub_answer(exercise, text):
    node = find_stub(exercise, text)
    assert node is not None, f"no stub of {exercise.name} stands before its check"
    future = ast.parse("from __future__ import annotations").body  # the types need not be imported here
    namespace = {"np": np}
    exec(compile(ast.Module([*future, node], []), "<stub>", "exec"), namespace)
    return namespace[exercise.name]


@pytest.mark.parametrize("exercise", COURSE, ids=lambda exercise: exercise.id)
def test_stub_in_the_notebook_is_quiet(exercise, capsys):
    lesson_number = int(exercise.id.split(".")[0])
    sources = sorted(SOURCES.glob(f"{lesson_number:02d}_*.py"))
    assert len(sources) == 1, f"notebooks/source has {len(sources)} files for lesson {lesson_number:02d}"
    check(exercise.id, stub_answer(exercise, sources[0].read_text(encoding="utf-8")))
    assert lines(capsys) == [f"{exercise.id} {exercise.title}: not attempted yet."]


def test_the_stub_finder_takes_the_stub_and_not_an_earlier_or_later_definition():
    text = (
        "def count_events(x):\n    return 1\n\ndef count_events(x: Score) -> int:\n    ...\n\n"
        'check("95.1", count_events)\nhalf: float = ...\ncheck("95.2", half)\ndef count_events(x):\n    return 2\n'
    )
    assert is_stub(stub_answer(COUNT, text))
    assert is_stub(stub_answer(HALF, text))


def test_every_source_with_checks_has_a_lesson_module():
    for source in SOURCES.glob("[0-9][0-9]_*.py"):
        for exercise_id in re.findall(r'^check\("(\d+\.\d+)"', source.read_text(encoding="utf-8"), re.MULTILINE):
            assert find_exercise(exercise_id).id == exercise_id
