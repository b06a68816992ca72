"""A class is collected: what counts is run again, nobody's answer harms another's, and every odd file gets a sentence."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from musiclab import classroom
from musiclab.classroom import ClassroomError, collect, report, room, submissions, table, write_csv
from musiclab.classroom.__main__ import main
from musiclab.classroom.answers import find_answer, lesson_of, needed, statements_of
from musiclab.classroom.locks import what_holds
from musiclab.corpus import cache_folder
from musiclab.exercises import exercises_of, lessons
from musiclab.progress import Entry, Results, merge_into

linux = pytest.mark.skipif(sys.platform != "linux", reason="only on Linux does a room copy itself")
unix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")

RIGHT = "def chance(total):\n    return max(0, 6 - abs(total - 7)) / 36"
WRONG = "def chance(total):\n    return 1 / 11"
STUB = 'def chance(total):\n    """Return the probability."""\n    ...'
CHECK = 'check("1.1", chance)'


def notebook(*cells):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])


def hand_in(folder, student, *cells, name="01_background.ipynb"):
    """Write a notebook of a student, and return its path."""
    path = folder / student / "notebooks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook(*cells), path)
    return path


def of(students, name, exercise="1.1"):
    [student] = [s for s in students if s.name == name]
    [result] = [r for r in student.results if r.exercise == exercise]
    return result


def remarks(students, name):
    [student] = [s for s in students if s.name == name]
    return " ".join(student.remarks)


def job(source, answer="chance", exercise="1.1", seconds=2, making=30):
    count = len(statements_of([source])[0])
    return {
        "exercise": exercise,
        "seconds": seconds,
        "making": making,
        "cells": {1: source},
        "run": [(1, index) for index in range(count)],
        "answer": answer,
        "files": {},
        "trains": False,
    }


@pytest.fixture(scope="module")
def one_room():
    with room.Room(str(cache_folder())) as one:
        yield one


# --- what an answer needs ---------------------------------------------------------------------------


def sliced(*cells, exercise="5.1", name="f", generous=False):
    """Return the texts of the statements that the answer needs."""
    statements, _, broken = statements_of(cells)
    assert not broken
    answer = find_answer(statements, exercise, name)
    return [cells[s.cell - 1].splitlines()[s.node.lineno - 1] for s in needed(statements, answer, generous=generous)]


def test_only_what_the_answer_needs_is_taken():
    lines = sliced(
        "import numpy as np\nimport os",
        "model = build()\nmodel.fit(data)",
        "factor = 3",
        "factor = 2\nprint(factor)",
        "def helper(x):\n    return np.abs(x) * factor",
        "def f(x):\n    return helper(x)",
        'check("5.1", f)',
    )
    assert lines == ["import numpy as np", "factor = 3", "factor = 2", "def helper(x):", "def f(x):"]


def test_of_a_value_only_the_last_binding_counts():
    assert sliced("a = 1", "a = 2", "f = a + 1", "a = 3", 'check("5.1", f)') == ["a = 2", "f = a + 1"]


@pytest.mark.parametrize(
    "change",
    [
        "f.append(2)",
        "f[0] = 2",
        "f += [2]",
        "f.x = 2",
        "del f[0]",
        "for k in range(3): f.append(k)",
        "if f: f = [1]",
        "train(f, 3)",
    ],
)
def test_changes_in_place_are_taken(change):
    assert sliced("f = [1]", "g = [2]\ng.append(3)", change, 'check("5.1", f)') == ["f = [1]", change]


def test_what_may_change_a_value_is_taken_on_second_thoughts_only():
    cells = ("def add(x):\n    x.append(1)", "f = []", "add(f)", "print(f)", 'check("5.1", f)')
    assert sliced(*cells) == ["f = []"]
    assert sliced(*cells, generous=True) == ["def add(x):", "f = []", "add(f)"]


def test_names_of_comprehensions_and_arguments_are_nobody_elses():
    loop = "for i in slow():\n    pass"
    assert sliced(loop, "x = slow()", "def f(x):\n    return [i * x for i in range(3)]", 'check("5.1", f)') == ["def f(x):"]


def test_a_name_from_below_is_found_as_if_the_notebook_had_been_run_before():
    assert sliced("f = later + 1", 'check("5.1", f)', "later = 2", "other = 3") == ["later = 2", "f = later + 1"]


def test_the_last_check_says_what_is_checked():
    assert sliced("def f(x):\n    ...", "def mine(x):\n    return x", 'check("5.1", f)', 'check("5.01", mine)') == [
        "def mine(x):"
    ]


def test_an_answer_below_an_untouched_stub_is_found():
    assert sliced("def f(x):\n    ...", 'check("5.1", f)', "def f(y):\n    return y") == ["def f(y):"]


@pytest.mark.parametrize(
    "stub", [STUB, "chance = ...", "chance = {1: ..., 2: ...}", "chance = None", "def chance(total):\n    pass"]
)
def test_a_stub_is_seen_without_running_it(stub):
    assert find_answer(statements_of([stub, CHECK])[0], "1.1", "chance").stub


def test_every_stub_of_the_course_is_seen():
    import notebooks as tool

    for path in tool.sources([]):
        sources = [cell.source for cell in tool.read_source(path).cells if cell.cell_type == "code"]
        lesson = int(path.name[:2])
        if lesson not in lessons():
            continue
        assert lesson_of(sources) == lesson
        statements, _, broken = statements_of(sources)
        assert not broken
        for exercise in exercises_of(lesson):
            assert find_answer(statements, exercise.id, exercise.name).stub, exercise.id


def test_a_long_row_of_functions_is_followed_at_once():
    for step in (1, -1):  # each asks for the next, which stands below it or above it
        row = [f"def f{number}(): return f{number + 1}()" for number in range(1500)]
        cells = "\n".join(["def f1500(): return 1", *row][::step]), "def f(): return f0()", 'check("5.1", f)'
        began = time.monotonic()
        assert len(sliced(*cells)) == 1502
        assert time.monotonic() - began < 15  # a pass for each of them takes a minute


def test_a_name_of_pythons_own_may_be_the_students():
    own, answer, check = "def sum(x): return 1", "def f(x): return sum(x)", 'check("5.1", f)'
    assert sliced(own, answer, check) == [own, answer]
    assert sliced(answer, check, own) == [answer]  # there, Python's own stands above the check
    assert sliced("n = 1\nint.from_bytes(n)", "def f(x): return int(x)", check) == ["def f(x): return int(x)"]


def test_what_a_line_for_jupyter_is_assigned_to_does_not_break_a_cell():
    statements, _, broken = statements_of(["files = !ls\nt = %timeit -o 1\nx = 7 % 2", "x = '''\n%time\n'''"])
    assert not broken and [sorted(s.binds) for s in statements] == [["files"], ["t"], ["x"], ["x"]]


def test_lines_for_jupyter_do_not_break_a_cell():
    statements, cells, broken = statements_of(["%time x = 1\n!ls\nlen?\ny = 2", "def broken(:"])
    assert [s.binds for s in statements][-1] == {"y"}
    assert list(broken) == [2]
    assert "line 1" in broken[2]
    assert 1 in cells


# --- the worked answers of the whole course ---------------------------------------------------------


def filled(lesson):
    """Return the notebook of a lesson with its worked answers in the place of the stubs."""
    import notebooks as tool
    from musiclab import exercises

    [source] = tool.sources([f"{lesson:02d}"])
    book = tool.read_source(source)
    [solutions] = exercises.SOLUTIONS.glob(f"{lesson:02d}_*.py")
    before, *rest = re.split(r"(?m)^# %% (?:\[markdown\] )?(?=\d+\.\d+ )", solutions.read_text(encoding="utf-8"))
    answers = {text.split()[0]: "# " + text for text in rest}
    for cell in book.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if name.endswith("-answer"):
            cell.source = answers[name.removesuffix("-answer").replace("-", ".")]
    book.cells.insert(0, nbformat.v4.new_code_cell(before))
    return book


def test_the_worked_answers_are_taken_out_of_the_lessons_and_pass(tmp_path):
    folder = tmp_path / "class" / "Ada" / "notebooks"
    folder.mkdir(parents=True)
    for lesson in lessons():
        nbformat.write(filled(lesson), folder / f"{lesson:02d}_lesson.ipynb")
    [ada] = collect(tmp_path / "class", progress=False)
    assert {r.exercise: (r.status, r.reason) for r in ada.results if r.status != "solved"}.keys() <= {"6.5", "10.4"}
    for result in ada.results:
        if result.status == "solved":
            assert result.held == result.of > 0, result
        else:
            assert result.status == "not re-run" and result.reason.startswith("trains a model"), result
    assert not ada.remarks


# --- what counts, and what does not -----------------------------------------------------------------


@pytest.fixture(scope="module")
def class_of_many(tmp_path_factory):
    """Students of all kinds, collected once."""
    folder = tmp_path_factory.mktemp("class")
    hand_in(folder, "right", "import numpy as np", RIGHT, CHECK)
    hand_in(folder, "wrong", WRONG, CHECK)
    hand_in(folder, "untouched", STUB, CHECK)
    # A forged progress file: everything solved.
    hand_in(folder, "forger", STUB, CHECK)
    day = "2026-01-01T00:00:00Z"
    solved = {e.id: Entry({"a": 1}, 2, 9, 9, day, day, day, day) for lesson in lessons() for e in exercises_of(lesson)}
    merge_into(folder / "forger" / "notebooks" / "work" / "progress.json", Results(solved))
    # A forged output: the words of a right answer below a wrong one.
    path = hand_in(folder, "painter", WRONG, CHECK)
    book = nbformat.read(path, 4)
    book.cells[1].outputs = [nbformat.v4.new_output("stream", text="✓ all\n1.1 Loaded by nature: all 3 properties hold.\n")]
    nbformat.write(book, path)
    # A check of the student's own.
    hand_in(folder, "shadow", WRONG, 'def check(*given):\n    print("all 3 properties hold.")', CHECK)
    hand_in(folder, "judge", "import musiclab.exercises as e\ne.judge = lambda *given: print('solved')", WRONG, CHECK)
    hand_in(folder, "printer", 'import os\nprint(\'{"status": "solved"}\')', _SHOUT, WRONG, CHECK)
    hand_in(folder, "renamed", RIGHT, CHECK, name="my work.ipynb")
    hand_in(folder, "twice", STUB, CHECK)
    hand_in(folder, "twice", RIGHT, CHECK, name="01_background-Copy1.ipynb")
    hand_in(folder, "syntax", RIGHT.replace(":", "", 1), CHECK)
    hand_in(folder, "crash", "import numpy as np", "def chance(total):\n    return np.nothing(total)", CHECK)
    hand_in(folder, "magic", "%matplotlib inline\n%time 1\n" + RIGHT, CHECK)
    hand_in(folder, "late", "import os\nos._exit(0)", RIGHT, CHECK)
    hand_in(folder, "quitter", "import os\n" + RIGHT.replace("    ", "    os._exit(0)\n    ", 1), CHECK)
    (folder / "nobody").mkdir()
    hand_in(folder, "damaged", RIGHT, CHECK).write_bytes(b'{"cells": [')
    hand_in(folder, "list", RIGHT, CHECK).write_text("[1, 2]")
    hand_in(folder, "latin", RIGHT, CHECK).write_bytes(b"\xff\xfe\x00")
    hand_in(folder, "other", "x = 1")
    with open(hand_in(folder, "huge", RIGHT, CHECK), "ab") as file:
        file.truncate(100_000_000)
    merge_into(folder / "right" / "progress.json", Results({"1.1": Entry({"a": 1}, hints=2, first=day, last=day)}))
    (folder / "right" / "progress.before-1.json").write_text("{")  # put aside by a merge
    (folder / "wrong" / "progress_wrong.json").write_text("{")
    return folder, collect(folder, progress=False)


# Writes to whatever is open, and leaves.
_SHOUT = """
for number in range(64):
    try:
        os.write(number, b'{"status": "solved", "held": 3, "reason": ""}\\n')
    except OSError:
        pass
"""


def test_what_the_course_put_aside_is_not_read(class_of_many):
    assert not remarks(class_of_many[1], "right")


@pytest.mark.parametrize(
    ("student", "status", "words"),
    [
        ("right", "solved", ""),
        ("wrong", "wrong", "it should be"),
        ("untouched", "not attempted", ""),
        ("forger", "not attempted", ""),
        ("painter", "wrong", "it should be"),
        ("shadow", "wrong", "it should be"),
        ("judge", "wrong", "it should be"),
        ("printer", "wrong", "it should be"),
        ("renamed", "solved", ""),
        ("twice", "solved", ""),
        ("syntax", "wrong", "code cell 1 is not valid Python"),
        ("crash", "wrong", "in line 2 of chance: return np.nothing(total)"),
        ("magic", "solved", ""),
        ("late", "solved", ""),  # the answer does not need the cell that ends the program
        ("quitter", "wrong", "ended the program"),
        ("nobody", "no notebook", ""),
        ("damaged", "no notebook", ""),
        ("list", "no notebook", ""),
        ("latin", "no notebook", ""),
        ("huge", "no notebook", ""),
        ("other", "no notebook", ""),
    ],
)
def test_what_becomes_of_a_student(class_of_many, student, status, words):
    result = of(class_of_many[1], student)
    assert (result.status, words in result.reason) == (status, True), result


def test_a_verdict_counts_the_properties(class_of_many):
    right = of(class_of_many[1], "right")
    assert right.held == right.of == 3
    wrong = of(class_of_many[1], "wrong")
    assert 0 <= wrong.held < wrong.of == 3


@pytest.mark.parametrize(
    ("student", "words"),
    [
        ("renamed", "my work.ipynb was taken for lesson 01"),
        ("twice", "lesson 01 is there 2 times"),
        ("damaged", "not valid JSON"),
        ("latin", "not valid JSON"),
        ("list", "has no cells"),
        ("huge", "has 100 MB"),
        ("other", "has no check of an exercise"),
        ("wrong", "progress_wrong.json is damaged"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(class_of_many, student, words):
    assert words in remarks(class_of_many[1], student)
    assert words in table(class_of_many[1])


def test_the_table_shows_everybody_and_marks_a_students_own_word(class_of_many):
    lines = table(class_of_many[1]).splitlines()
    row = {line.split()[0]: line.split() for line in lines[: len(class_of_many[1]) + 1]}
    assert row.keys() == {"student", *(s.name for s in class_of_many[1])}
    assert row["right"][2] == "1/4" and row["nobody"][2] == "-"
    assert row["right"][-2:] == ["2", "0"] and row["wrong"][-2:] == ["?", "?"]
    everything = sum(len(exercises_of(lesson)) for lesson in lessons())
    assert row["forger"][-3] == f"0/{everything}"
    assert row["forger"][-1] == str(everything)
    assert "own word" in "\n".join(lines)


def test_the_csv_opens_in_a_spreadsheet(class_of_many, tmp_path):
    _, students = class_of_many
    path = tmp_path / "class.csv"
    write_csv(students, path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(path.open(encoding="utf-8-sig", newline="")))
    assert len(rows) == sum(len(s.results) for s in students)
    [right] = [r for r in rows if (r["student"], r["exercise"]) == ("right", "1.1")]
    assert (right["verdict"], right["held"], right["of"]) == ("solved", "3", "3")
    assert not [r for r in rows if "\n" in r["reason"]]
    assert os.listdir(tmp_path) == ["class.csv"]


def test_a_name_is_no_formula(tmp_path):
    student = submissions.Student("=cmd()", [submissions.Result("1.1", "wrong", reason="-1 is\nwrong")])
    write_csv([student], tmp_path / "t.csv")
    [row] = csv.DictReader((tmp_path / "t.csv").open(encoding="utf-8-sig"))
    assert row["student"] == "'=cmd()" and row["reason"] == "'-1 is wrong"
    assert report._harmless(3) == 3


def test_a_table_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text("old")
    monkeypatch.setattr(csv, "writer", lambda file: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_csv([], tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "old" and len(os.listdir(tmp_path)) == 1


# --- odd folders ------------------------------------------------------------------------------------


def test_no_folder_and_no_students(tmp_path, capsys):
    with pytest.raises(ClassroomError, match="is not a folder"):
        collect(tmp_path / "none")
    with pytest.raises(ClassroomError, match="holds no folder"):
        collect(tmp_path)
    assert main(["collect", str(tmp_path)]) == 1
    assert "holds no folder" in capsys.readouterr().err


@unix
def test_links_that_lead_out_are_not_followed(tmp_path):
    other = hand_in(tmp_path, "elsewhere", RIGHT, CHECK)
    own = tmp_path / "class" / "cuckoo" / "notebooks"
    own.mkdir(parents=True)
    (own / "01_background.ipynb").symlink_to(other)
    (own / "more").symlink_to(other.parent, target_is_directory=True)
    (tmp_path / "class" / "guest").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    students = collect(tmp_path / "class", progress=False)
    assert of(students, "cuckoo").status == of(students, "guest").status == "no notebook"
    assert "01_background.ipynb is a link to elsewhere" in remarks(students, "cuckoo")
    assert "more is a link" in remarks(students, "cuckoo")
    assert "was not followed" in remarks(students, "guest")


@unix
def test_links_in_a_circle_do_not_stop_the_others(tmp_path):
    hand_in(tmp_path, "b", RIGHT, CHECK)
    circle = tmp_path / "a" / "01_background.ipynb"
    circle.parent.mkdir()
    circle.symlink_to(circle)
    students = collect(tmp_path, progress=False)
    assert of(students, "a").status == "no notebook" and of(students, "b").status == "solved"


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    hand_in(tmp_path, "a", RIGHT, CHECK)

    def walk(place, onerror):
        onerror(PermissionError(13, "Permission denied", str(place / "notebooks")))
        return iter([])

    monkeypatch.setattr(submissions.os, "walk", walk)
    student, notebooks = submissions.submission(tmp_path / "a")
    assert not notebooks and student.remarks == ["the folder notebooks cannot be read (Permission denied)."]


@unix
def test_names_with_line_breaks_and_control_characters_stay_in_their_line(tmp_path):
    hand_in(tmp_path, "new\nline\x1b[31m", "def chance(total):\n    raise ValueError('\\0\\x1b')", CHECK)
    students = collect(tmp_path, progress=False)
    assert "new\ufffdline\ufffd[31m" in table(students)
    write_csv(students, tmp_path / "t.csv")
    assert not re.search("[\0\x1b]", (tmp_path / "t.csv").read_text(encoding="utf-8"))


@unix
def test_names_that_are_no_text(tmp_path):
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/J\xfcrgen"))
    try:
        odd.mkdir()
    except OSError:
        pytest.skip("this file system takes names of valid text only")
    nbformat.write(notebook(RIGHT, CHECK), odd / os.fsdecode(b"01_\xe9.ipynb"))
    students = collect(tmp_path, progress=False)
    assert of(students, "J\ufffdrgen").status == "solved"
    table(students).encode()
    write_csv(students, tmp_path / "t.csv")


def test_copies_of_jupyter_are_no_second_notebook(tmp_path):
    hand_in(tmp_path, "a", STUB, CHECK)
    checkpoint = tmp_path / "a" / "notebooks" / ".ipynb_checkpoints" / "01_background-checkpoint.ipynb"
    checkpoint.parent.mkdir()
    nbformat.write(notebook(RIGHT, CHECK), checkpoint)
    assert of(collect(tmp_path, progress=False), "a").status == "not attempted"


def test_an_answer_may_read_a_file_of_the_student_and_no_other(tmp_path):
    cells = ['from pathlib import Path\nKEEP = Path("work")', "chance = int((KEEP / 'mine.txt').read_text())", CHECK]
    hand_in(tmp_path, "a", *cells)
    work = tmp_path / "a" / "notebooks" / "work"
    work.mkdir()
    (work / "mine.txt").write_text("hello")
    assert "hello" in of(collect(tmp_path, progress=False), "a").reason
    assert (work / "mine.txt").read_text() == "hello"


@pytest.mark.parametrize("text", [repr("\u97f3" * 120), r"'\ud800'", r"'\0'", "'.'", "'/'", "'..'"])
def test_texts_that_no_file_can_be_called_are_no_files(tmp_path, text):
    hand_in(tmp_path, "a", RIGHT.replace("\n", f"\n    {text}\n", 1), CHECK)
    assert of(collect(tmp_path, progress=False), "a").status == "solved"


def test_an_error_in_judging_one_does_not_stop_the_others(tmp_path, monkeypatch):
    hand_in(tmp_path, "a", RIGHT + "  # a", CHECK)
    hand_in(tmp_path, "b", RIGHT, CHECK)
    real = classroom.find_answer

    def find(statements, *given):
        if statements[0].node.name != "chance":
            raise MemoryError
        return real(statements, *given)

    hand_in(tmp_path, "c", "def other():\n    ...", RIGHT, CHECK)
    monkeypatch.setattr(classroom, "find_answer", find)
    students = collect(tmp_path, progress=False)
    assert of(students, "a").status == of(students, "b").status == "solved"
    assert of(students, "c").status == "not re-run" and "MemoryError" in of(students, "c").reason
    assert "1.1 of c was not run again: it could not be judged" in table(students)


def test_a_widget_that_somebody_has_to_play_is_no_wrong_answer(tmp_path):
    cells = ["from musiclab.widgets.partner import Partner\npartner = Partner()", "my_piece = partner.draft.score"]
    hand_in(tmp_path, "a", *cells, 'check("11.4", my_piece)', name="11_composing_partner.ipynb")
    result = of(collect(tmp_path, progress=False), "a", "11.4")
    assert result.status == "not re-run" and "widget Partner" in result.reason


def test_an_answer_that_only_jupyter_can_wait_for_is_no_wrong_answer(tmp_path):
    hand_in(tmp_path, "a", "async def six():\n    return 6", "k = await six()", RIGHT.replace("6 -", "k -"), CHECK)
    hand_in(tmp_path, "b", "async def six():\n    return await six()", "await six()", RIGHT, CHECK)
    students = collect(tmp_path, progress=False)
    assert of(students, "a").status == "not re-run" and "an await outside of a function" in of(students, "a").reason
    assert of(students, "b").status == "solved"


def test_training_is_left_out_unless_asked_for(tmp_path):
    source = "def train(x):\n    return x", "my_model = train(3)", 'check("6.5", my_model)'
    hand_in(tmp_path, "a", *source, name="06_training.ipynb")
    assert of(collect(tmp_path, progress=False), "a", "6.5").status == "not re-run"
    assert of(collect(tmp_path, train=True, progress=False), "a", "6.5").status == "wrong"


def test_the_command(tmp_path, capsys):
    hand_in(tmp_path / "class", "a", RIGHT, CHECK)
    assert main(["collect", str(tmp_path / "class"), "--csv", str(tmp_path / "t.csv")]) == 0
    assert "1/4" in capsys.readouterr().out
    assert (tmp_path / "t.csv").exists()
    assert main(["collect", str(tmp_path / "class"), "--csv", str(tmp_path / "none" / "t.csv")]) == 1
    assert "could not be written" in capsys.readouterr().err
    assert main(["collect", str(tmp_path / "class"), "--csv", str(tmp_path / "class")]) == 1  # a folder
    assert "could not be written" in capsys.readouterr().err


def test_a_class_that_cannot_be_read_is_no_fault_of_the_table(tmp_path, monkeypatch, capsys):
    def closed(*given, **how):
        raise PermissionError(13, "Permission denied", "class")

    monkeypatch.setattr("musiclab.classroom.__main__.collect", closed)
    assert main(["collect", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "The class could not be collected: [Errno 13] Permission denied: 'class'.\n"


# --- the locked room --------------------------------------------------------------------------------

REFUSED = {
    "fork": "import os\ndef chance(total):\n    return os.fork()",
    "fork server": "import multiprocessing as m\ndef chance(total):\n    m.get_context('spawn').Process(target=print).start()",
    "program": "import subprocess\ndef chance(total):\n    return subprocess.run(['true'])",
    "shell": "import os\ndef chance(total):\n    return os.system('true')",
    "exec": "import os, sys\ndef chance(total):\n    os.execv(sys.executable, ['python', '-c', ''])",
    "socket": "import socket\ndef chance(total):\n    return socket.create_connection(('127.0.0.1', 9))",
    "signal": "import os\ndef chance(total):\n    os.kill(os.getppid(), 9)",
    "write": "def chance(total):\n    open({target!r}, 'w')",
    "append": "def chance(total):\n    open({target!r}, 'a')",
    "open": "import os\ndef chance(total):\n    os.open({target!r}, os.O_RDWR)",
    "delete": "import os\ndef chance(total):\n    os.remove({target!r})",
    "move": "import os\ndef chance(total):\n    os.rename({target!r}, 'mine')",
    "mode": "import os\ndef chance(total):\n    os.chmod({target!r}, 0)",
    "empty": "import os\ndef chance(total):\n    os.truncate({target!r}, 0)",
    "tree": "import shutil, os\ndef chance(total):\n    shutil.rmtree(os.path.dirname({target!r}))",
    "up": "import os\ndef chance(total):\n    open(os.path.join('..', '..', 'stray'), 'w')",
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_said_and_leaves_no_trace(one_room, tmp_path, case):
    (tmp_path / "precious").write_text("kept")
    said = one_room.judge(job(REFUSED[case].replace("{target!r}", repr(str(tmp_path / "precious")))))
    assert said["status"] == "wrong" and "refused while an answer is judged again" in said["reason"], said
    assert (tmp_path / "precious").read_text() == "kept"
    assert one_room.judge(job(RIGHT))["status"] == "solved"


@pytest.mark.parametrize(
    "loop", ["while True: pass", "while True:\n        try:\n            while True: pass\n        except BaseException: pass"]
)
def test_a_loop_ends(one_room, loop):
    said = one_room.judge(job(f"def chance(total):\n    {loop}"))
    assert said["status"] == "wrong" and "took longer" in said["reason"]
    assert one_room.judge(job(RIGHT))["status"] == "solved"


@linux
def test_a_loop_in_compiled_code_ends(one_room):
    source = "import re\ndef chance(total):\n    return re.match('(a+)+$', 'a' * 60 + 'b')"
    said = one_room.judge(job(source, seconds=1))
    assert said["status"] == "wrong" and "could not be stopped" in said["reason"]
    assert one_room.judge(job(RIGHT))["status"] == "solved"


@pytest.mark.parametrize("forks", [pytest.param(True, marks=linux), False])
def test_an_answer_that_takes_too_long_to_make_is_not_judged(forks):
    with room.Room(str(cache_folder()), forks=forks) as one:
        one.judge(job(RIGHT))
        start = time.monotonic()
        said = one.judge(job("import time\ntime.sleep(1000)\nchance = 1", seconds=1, making=1))
        assert time.monotonic() - start < 20
        assert said["status"] == "not re-run" and "1 s" in said["reason"] and "code cells 1" in said["reason"]
        assert one.judge(job(RIGHT))["status"] == "solved"


@unix
def test_memory_is_limited(one_room):
    said = one_room.judge(job("def chance(total):\n    return len(bytearray(10 * 2**30))"))
    if sys.platform == "linux":
        assert said["status"] == "wrong" and "MemoryError" in said["reason"]
        said = one_room.judge(job("full = []\nwhile True:\n    full.append(bytes(2**24))\nchance = 1"))
        assert "MemoryError" in said["reason"] or "ended the program" in said["reason"]
    assert one_room.judge(job(RIGHT))["status"] == "solved"


@unix
def test_files_are_limited(one_room):
    said = one_room.judge(job("def chance(total):\n    open('big', 'wb').write(bytes(100 * 2**20))"))
    assert "File too large" in said["reason"]
    said = one_room.judge(job("def chance(total):\n    return [open('f', 'w') for _ in range(1000)]"))
    assert "Too many open files" in said["reason"]


@pytest.mark.parametrize(
    "end", ["import os\nos._exit(0)", "import ctypes\nctypes.string_at(0)", "raise SystemExit", "raise KeyboardInterrupt"]
)
def test_an_answer_that_ends_the_program_is_wrong(one_room, end):
    said = one_room.judge(job(f"{end}\nchance = 1"))
    assert said["status"] == "wrong"
    assert re.search(r"ended the program|SystemExit|KeyboardInterrupt", said["reason"])
    inside = end.replace("\n", "\n    ")
    assert one_room.judge(job(f"def chance(total):\n    {inside}\n    return 1"))["status"] == "wrong"
    assert one_room.judge(job(RIGHT))["status"] == "solved"


def test_a_printed_verdict_is_no_verdict(one_room):
    source = "import os" + _SHOUT + "\nos._exit(0)\nchance = 1"
    assert one_room.judge(job(source))["status"] == "wrong"
    with room.Room(str(cache_folder()), forks=False) as other:
        assert other.judge(job(source))["status"] == "wrong"


def test_an_answer_sees_an_empty_environment_and_a_folder_of_its_own(one_room, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_TEACHER", "42")
    source = "import os\nchance = sorted(os.environ), os.getcwd() == os.path.expanduser('~'), os.listdir()"
    reason = one_room.judge(job(source + "\nraise ValueError(chance)"))["reason"]
    assert "True, [])" in reason and "SECRET" not in reason and "'HOME'" in reason


def test_nothing_of_one_answer_reaches_the_next(one_room):
    one_room.judge(job("import numpy as np, math\nnp.pi = math.pi = 3\nmax = min\nopen('left', 'w').close()\nchance = 1"))
    source = "import numpy as np, math, os\nassert np.pi == math.pi > 3.1 and not os.listdir()\n" + RIGHT
    assert one_room.judge(job(source))["status"] == "solved"


def test_the_room_without_copies_judges_alike():
    """What Windows and macOS do: a Python of its own for each answer."""
    with room.Room(str(cache_folder()), forks=False) as one:
        assert one.judge(job(RIGHT))["status"] == "solved"
        assert one.judge(job(WRONG))["status"] == "wrong"
        assert one.judge(job(STUB))["status"] == "not attempted"
        assert "refused" in one.judge(job(REFUSED["socket"]))["reason"]
        assert one.judge(job("import os\nos._exit(3)\nchance = 1"))["status"] == "wrong"


def test_a_lost_room_is_replaced(one_room):
    one_room.judge(job(RIGHT))
    one_room._process.kill()
    one_room._process.wait()
    assert one_room.judge(job(RIGHT))["status"] == "solved"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has name spaces")
def test_in_its_own_name_space_there_is_no_network_and_nothing_survives():
    code = (
        "import os, socket\nfrom musiclab.classroom.locks import move_apart\n"
        "if os.fork(): raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
        "if not move_apart(): os._exit(3)\n"
        "if os.fork(): os._exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
        "assert os.getpid() == 1\n"
        "try: socket.create_connection(('127.0.0.1', 9), 1)\n"
        "except OSError as error: os._exit(0 if error.errno == 101 else 1)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode
    if ended == 3:
        assert "allows no more" in what_holds()
        pytest.skip("this system allows no name spaces")
    assert ended == 0
    assert "without a network" in what_holds()


def test_the_helper_that_reads_music_is_allowed(one_room):
    source = (
        "from musiclab import Score, read_score, write_midi\n"
        "score = Score([(0, 1, 60), (1, 1, 62)])\n"
        "assert read_score(write_midi(score, 'own.mid')).duration == 2\n"
    )
    assert one_room.judge(job(source + RIGHT)) == {"status": "solved", "held": 3, "reason": ""}


def test_a_folder_that_vanishes_does_not_stop_the_others(tmp_path, monkeypatch):
    hand_in(tmp_path, "a", RIGHT, CHECK)
    hand_in(tmp_path, "b", RIGHT, CHECK)
    real = submissions._code_cells
    monkeypatch.setattr(
        submissions, "_code_cells", lambda file: real(Path(str(file) + "x") if "/a/" in file.as_posix() else file)
    )
    students = collect(tmp_path, progress=False)
    assert of(students, "b").status == "solved"
    assert "cannot be read" in remarks(students, "a")


def test_statuses_are_the_documented_ones():
    for status in submissions.STATUSES:
        assert status in classroom.__doc__
