"""The progress file: nothing of it is lost, by a crash, by two notebooks at once, or by two computers."""

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbclient import NotebookClient

from musiclab import exercises, progress
from musiclab.exercises import Exercise, Mistake, check, hint, same, solution
from musiclab.progress import Entry, Results, export, keep_copy, merge, merge_into, parse, progress_path, read, record


@pytest.fixture
def path(tmp_path, monkeypatch):
    path = tmp_path / "work" / "progress.json"
    monkeypatch.setenv("MUSICLAB_PROGRESS", str(path))
    return path


def restart():
    """Forget what a process remembers, as a new start of Python does."""
    progress._sessions.clear()
    exercises._hints_given.clear()


@pytest.fixture(autouse=True)
def _a_new_process(monkeypatch):
    monkeypatch.setattr(progress, "_sessions", {})
    monkeypatch.setattr(exercises, "_hints_given", {})


# --- merging --------------------------------------------------------------------------------------------

counts = st.integers(0, 9)
moments = st.one_of(st.just(""), st.integers(0, 59).map(lambda s: f"2026-03-01T09:30:{s:02d}Z"))
entries = st.builds(
    Entry,
    tries=st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9)),
    hints=counts,
    held=counts,
    of=counts,
    solution=moments,
    solved=moments,
    first=moments,
    last=moments,
)
tables = st.dictionaries(st.sampled_from(["5.1", "5.2", "11.3"]), entries)
results = st.builds(Results, exercises=tables, quiz=tables)


@given(results, results, results)
def test_merging_is_commutative_associative_and_idempotent(a, b, c):
    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, a) == a == merge(a, Results())
    assert merge(merge(a, b), b) == merge(a, b), "merging the same file again changes nothing"


@given(results, results)
def test_nothing_is_lost_by_merging(a, b):
    both = merge(a, b)
    for kind in ("exercises", "quiz"):
        for one in (a, b):
            for key, entry in getattr(one, kind).items():
                joined = getattr(both, kind)[key]
                assert joined.tried >= entry.tried and joined.hints >= entry.hints and joined.held >= entry.held
                assert joined.last >= entry.last
                assert not entry.solved or (joined.solved and joined.solved <= entry.solved), "what is solved stays solved"
                assert not entry.solution or (joined.solution and joined.solution <= entry.solution)


@given(results)
def test_what_is_written_is_read(one):
    data = progress._format(one)
    again = parse(data)
    assert again == one and progress._format(again) == data
    assert json.loads(data)["format"] == 1


def test_two_computers_count_each_try_once(tmp_path, monkeypatch):
    """A file is carried to another computer, both go on, and the two are merged: 3 + 2 + 4 tries."""
    here, there = tmp_path / "here.json", tmp_path / "there.json"
    monkeypatch.setenv("MUSICLAB_PROGRESS", str(here))
    for _ in range(3):
        record("check", "5.1")
    there.write_bytes(here.read_bytes())
    for _ in range(2):  # the same session goes on
        record("check", "5.1")
    monkeypatch.setenv("MUSICLAB_PROGRESS", str(there))
    for _ in range(4):
        record("check", "5.1")
    assert merge(read(here), read(there)).exercises["5.1"].tried == 9


def test_the_better_attempt_stays_with_its_total():
    a, b = (Results({"5.1": Entry(held=held, of=of)}) for held, of in ((3, 4), (2, 5)))
    assert (merge(a, b).exercises["5.1"].held, merge(a, b).exercises["5.1"].of) == (3, 4)


@pytest.mark.parametrize(
    ("solution_seen", "solved", "after"),
    [("", "", False), ("2026-03-01T09:30:00Z", "", False), ("", "2026-03-01T09:30:00Z", False)]
    + [("2026-03-01T09:30:00Z", "2026-03-01T09:31:00Z", True), ("2026-03-01T09:32:00Z", "2026-03-01T09:31:00Z", False)],
)
def test_solved_after_seeing_the_solution(solution_seen, solved, after):
    assert Entry(solution=solution_seen, solved=solved).after_solution is after


# --- recording ------------------------------------------------------------------------------------------


def test_what_is_recorded(path):
    assert not path.parent.exists()
    assert record("check", "5.1", held=1, of=4) == ""
    record("check", "5.1", held=3, of=4)
    record("hint", "5.1", hints=2)
    record("hint", "5.1", hints=1)
    record("quiz", "5.1")
    record("quiz", "5.1", True)
    record("quiz", "5.1")
    found = read(path)
    entry, asked = found.exercises["5.1"], found.quiz["5.1"]
    assert (entry.tried, entry.hints, entry.held, entry.of, entry.solved) == (2, 2, 3, 4, "")
    assert asked.tried == 3 and asked.solved == asked.first != ""
    record("check", "5.1", True, held=4, of=4)
    record("check", "5.1", held=0, of=4)
    entry = read(path).exercises["5.1"]
    assert (entry.tried, entry.held, bool(entry.solved)) == (4, 4, True), "a solved one stays solved"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry.last) and entry.first <= entry.solved <= entry.last
    assert abs(time.time() - time.mktime(time.strptime(entry.last, "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 120


def test_where_the_file_lies(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSICLAB_PROGRESS", "off")
    assert progress_path() is None and record("check", "5.1") == ""
    monkeypatch.delenv("MUSICLAB_PROGRESS")
    assert progress_path() is None, "outside of a notebook nothing is written that nobody asked for"
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel=1)))
    monkeypatch.setattr(progress, "_START", tmp_path)
    monkeypatch.chdir(Path(__file__).parent)
    assert progress_path() == tmp_path / "work" / "progress.json", "beside the notebook, also if the lesson went elsewhere"


def test_a_record_is_quick(path):
    """A whole course is in the file. Its own time is measured; how long the disk takes to be sure is its own affair."""
    moment = "2026-03-01T09:30:00Z"
    table = {
        f"{lesson}.{n}": Entry({"a": 3, "b": 1}, 2, 3, 4, "", moment, moment, moment) for lesson in range(15) for n in range(1, 8)
    }
    merge_into(path, Results(table, table))
    spent = []
    for _ in range(20):
        start = time.process_time()
        record("check", "5.1", held=1, of=4)
        spent.append(time.process_time() - start)
    assert len(read(path).quiz) == 105
    assert min(spent) < 0.005, "the quickest, so that a busy machine does not decide"


def test_importing_it_is_light():
    code = "import sys, musiclab.progress; print([m for m in ('numpy', 'IPython', 'ipywidgets') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# --- what goes wrong ------------------------------------------------------------------------------------

HALVES = [b"", b"{", b"[]", b"null", b'{"format": true}', b'{"format": "1"}', b"\xff\xfe", b"\x00" * 400, b"[" * 100_000]
WRONG = [
    {"exercises": []},
    {"exercises": {"five": {}}},
    {"exercises": {"5.1": []}},
    {"exercises": {"5.1": {"hints": -1}}},
    {"exercises": {"5.1": {"hints": True}}},
    {"exercises": {"5.1": {"hints": 10**12}}},
    {"exercises": {"5.1": {"tries": {"a": 10**4000}}}},
    {"exercises": {"٥.١": {"hints": 1}}},
    {"exercises": {"5.1\n": {"hints": 1}}},
    {"quiz": {"5.1": {"solved": "9999-99-99T99:99:99Z"}}},
    {"quiz": {"5.1": {"solved": "٢٠٢٦-03-01T09:30:00Z"}}},
    {"exercises": {"5.1": {"held": 1.5}}},
    {"exercises": {"5.1": {"tries": 3}}},
    {"exercises": {"5.1": {"tries": {"a": "3"}}}},
    {"quiz": {"5.1": {"solved": "yesterday"}}},
    {"quiz": {"5.1": {"solved": True}}},
    {"quiz": {"5.1": {"marks": 3}}},
    {"grades": {}},
]
DAMAGED = HALVES + [json.dumps({"format": 1, **part}).encode() for part in WRONG]


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_kept_aside_and_a_sentence_says_so(data, path):
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"progress\.json is damaged: .*"):
        read(path)
    said = record("check", "5.1", True, held=4, of=4)
    assert "progress.json is damaged" in said and "kept as progress.damaged-1.json" in said
    assert (path.parent / "progress.damaged-1.json").read_bytes() == data
    assert read(path).exercises["5.1"].tried == 1
    path.write_bytes(data)
    assert "progress.damaged-2.json" in record("check", "5.2"), "the first one is not written over"
    assert (path.parent / "progress.damaged-1.json").read_bytes() == data


def test_a_file_that_is_much_too_large_is_put_aside_and_never_read_whole(path, monkeypatch):
    path.parent.mkdir()
    path.write_bytes(b'{"format": 1, "exercises": {' + b" " * progress.MOST_BYTES + b"}}")
    monkeypatch.setattr(progress, "parse", lambda data: sizes.append(len(data)) or parse(data))
    sizes = []
    assert "no progress file has more than 5,000,000 bytes. It is kept as" in record("check", "5.1")
    assert sizes == [progress.MOST_BYTES + 1] and read(path).exercises["5.1"].tried == 1


def test_an_editor_may_put_its_mark_before_the_file(path):
    record("check", "5.1", True, held=4, of=4)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert record("check", "5.1") == "" and read(path).exercises["5.1"].tried == 2


def test_a_course_that_was_renamed_meanwhile_is_not_made_anew(path, tmp_path, monkeypatch):
    """Whoever renames the folder while a kernel runs would never look into a second one of the old name."""
    course = tmp_path / "course"
    course.mkdir()
    monkeypatch.setenv("MUSICLAB_PROGRESS", str(course / "work" / "progress.json"))
    record("check", "5.1")
    course.rename(tmp_path / "other")
    said = record("check", "5.1")
    assert "its folder course is no longer there" in said and "restart the kernel. Everything" in said and not course.exists()
    (tmp_path / "other").rename(course)
    assert record("check", "5.1") == "" and read(course / "work" / "progress.json").exercises["5.1"].tried == 3
    shutil.rmtree(course / "work")
    assert record("check", "5.2") == "" and list(read(course / "work" / "progress.json").exercises) == ["5.2"]


def test_a_file_of_a_newer_course_is_left_alone(path):
    path.parent.mkdir()
    path.write_text(newer := json.dumps({"format": 2, "stars": 5}))
    said = record("check", "5.1")
    assert "a newer version of the course" in said and "Update" in said
    assert path.read_text() == newer and [p.name for p in path.parent.glob("progress*")] == ["progress.json"]
    assert record("check", "5.1") == "", "said once"


def test_what_cannot_be_written_is_said_once_and_written_later(path):
    path.parent.write_text("a file where the folder should be")
    said = record("check", "5.1", held=2, of=4)
    assert said.startswith("Your progress could not be recorded in progress.json: ") and said.count(".") >= 2
    assert record("check", "5.1", True, held=4, of=4) == "" and record("hint", "5.2", hints=1) == ""
    path.parent.unlink()
    assert record("quiz", "5.1") == ""
    found = read(path)
    assert (found.exercises["5.1"].tried, found.exercises["5.1"].held, found.exercises["5.2"].hints) == (2, 4, 1)
    assert found.quiz["5.1"].tried == 1
    path.unlink()
    path.mkdir()
    assert record("quiz", "5.1") != "", "new trouble is said anew"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no folders that forbid writing in this way")
def test_a_folder_that_cannot_be_written():
    code = (
        "import os\n"
        "from musiclab.progress import record\n"
        "os.setuid(65534) if os.geteuid() == 0 else None\n"  # nothing is forbidden to the administrator
        "print([record('check', '5.1') for _ in range(3)])\n"
    )
    with tempfile.TemporaryDirectory() as folder:  # not pytest's, which other users cannot enter
        work = Path(folder) / "work"
        work.mkdir()
        work.chmod(0o555)
        Path(folder).chmod(0o755)
        environment = {**os.environ, "MUSICLAB_PROGRESS": str(work / "progress.json")}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        assert done.stderr == "" and list(work.iterdir()) == []
    first, *others = ast.literal_eval(done.stdout)
    assert first == (
        "Your progress could not be recorded in progress.json: Permission denied. Everything else works as before."
    ) and others == ["", ""]


def test_any_trouble_at_all_stays_a_sentence(path, monkeypatch):
    monkeypatch.setattr(progress, "merge_into", lambda *a: 1 / 0)
    assert "division by zero" in record("check", "5.1")


def test_a_deleted_file_begins_anew(path):
    record("check", "5.1", True)
    path.unlink()
    record("check", "5.2")
    assert list(read(path).exercises) == ["5.2"], "what was deleted does not come back"


def test_a_link_stays_a_link(path, tmp_path):
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere.json")
    record("check", "5.1")
    assert path.is_symlink() and read(tmp_path / "elsewhere.json").exercises["5.1"].tried == 1


# --- crashes and company --------------------------------------------------------------------------------

WRITER = (
    "import sys\nfrom musiclab.progress import record\n"
    "for n in range(int(sys.argv[2])):\n"
    "    said = record('check', f'{sys.argv[1]}.{n % 200 + 1}', held=n % 5, of=5)\n"
    "    print(said, flush=True) if said or n == 0 else None\n"
)


def start(path, lesson, times):
    environment = {**os.environ, "MUSICLAB_PROGRESS": str(path)}
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(lesson), str(times)], env=environment, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that ends a process as a crash does")
def test_a_process_killed_while_it_writes_leaves_a_whole_file(path):
    kept = 0
    for turn in range(12):
        process = start(path, 5, 10_000_000)
        process.stdout.readline()  # it has begun
        time.sleep(0.02 + 0.013 * turn)
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = read(path)  # raises if half of it is there
        total = sum(entry.tried for entry in found.exercises.values())
        assert total > kept, "what an earlier process wrote is there, and more"
        kept = total
        begun = time.monotonic()
        assert record("check", "6.1") == "", "no lock is left behind"
        assert time.monotonic() - begun < progress.PATIENCE
    assert not list(path.parent.glob("*damaged*"))
    for remains in path.parent.glob("*.tmp"):
        os.utime(remains, (0, 0))
    (path.parent / ".progress.json.0.tmp").write_text("half")
    os.utime(path.parent / ".progress.json.0.tmp", (0, 0))
    record("check", "6.1")
    assert not list(path.parent.glob(".*.tmp")), "what a crash left is swept away"


def test_it_is_on_the_disk_before_it_takes_its_place(path, monkeypatch):
    done, sync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(progress.os, "fsync", lambda number: done.append("sync") or sync(number))
    monkeypatch.setattr(progress.os, "replace", lambda *paths: done.append("replace") or replace(*paths))
    assert record("check", "5.1") == "" and done == ["sync", "replace"]


def test_two_notebooks_that_write_at_once_lose_nothing(path):
    writers = [start(path, lesson, 200) for lesson in (5, 6)]
    told = "".join(writer.communicate(timeout=120)[0] for writer in writers)
    assert told.strip() == ""
    found = read(path)
    assert sorted(found.exercises) == sorted(f"{lesson}.{n}" for lesson in (5, 6) for n in range(1, 201))
    assert all(entry.tried == 1 for entry in found.exercises.values())


def test_two_notebooks_in_one_exercise_count_both(path):
    writers = [start(path, 5, 50) for _ in range(2)]
    for writer in writers:
        writer.communicate(timeout=120)
    assert [entry.tried for entry in read(path).exercises.values()] == [2] * 50


def test_whoever_holds_the_file_is_not_waited_for_long(path, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.1)
    record("check", "5.1")
    with progress._locked(path.resolve()):
        begun = time.monotonic()
        said = record("check", "5.1")
        assert "another notebook is writing it" in said and time.monotonic() - begun < 0.5
    record("hint", "5.1", hints=1)
    assert read(path).exercises["5.1"].tried == 2, "and then it is written, too"


def test_where_a_disk_knows_no_locks_it_is_written_all_the_same(path, monkeypatch):
    if os.name == "nt":
        pytest.skip("Windows locks every disk")

    def no_locks(*_):
        raise OSError(progress.errno.ENOLCK, "no locks available")

    monkeypatch.setattr(progress.fcntl, "flock", no_locks)
    assert record("check", "5.1") == "" and read(path).exercises["5.1"].tried == 1


# --- copies ---------------------------------------------------------------------------------------------


def test_export(path):
    with pytest.raises(ValueError, match="nothing to export"):
        export(path, "Ada")
    record("check", "5.1", True)
    copy = export(path, " Ada  Lovelace ")
    assert copy == path.parent / "progress_Ada_Lovelace.json" and read(copy) == read(path)
    record("check", "5.2")
    assert read(export(path, "Ada Lovelace")) == read(path), "an older copy of one's own is replaced"
    merge_into(copy, Results({"9.1": Entry(hints=1)}))
    held = copy.read_bytes()
    with pytest.raises(ValueError, match="Choose another name"):
        export(path, "Ada Lovelace")
    assert copy.read_bytes() == held
    for name in ("", "  ", "../Ada", "a/b", "x" * 61, "a.b", "con:"):
        with pytest.raises(ValueError, match="letters, digits"):
            export(path, name)
    assert export(path, "Zoë-2").name == "progress_Zoë-2.json"


def test_a_copy_from_before_is_never_written_over(path):
    assert keep_copy(path) is None and not path.parent.exists()
    held = []
    for n in (1, 2):
        record("check", "5.1")
        held.append(path.read_bytes())
        assert keep_copy(path) == path.parent / f"progress.before-{n}.json"
    assert [(path.parent / f"progress.before-{n}.json").read_bytes() for n in (1, 2)] == held


# --- check, hint and solution record --------------------------------------------------------------------


def _half(answer, rng):
    same(answer > 0, True)
    yield "is positive"
    same(answer, 0.5)
    yield "is a half"


HALF = Exercise("95.1", "A half", "half", ("First.", "Second."), _half, (Mistake(1, "is 1"), Mistake(-1, "False")))


@pytest.fixture
def lesson(monkeypatch, tmp_path):
    module = types.ModuleType("musiclab.lessons.lesson_95")
    module.EXERCISES = [HALF]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    (tmp_path / "95_made_up.py").write_text("# %% 95.1 A half\nhalf = 1 / 2\n")
    monkeypatch.setattr(exercises, "SOLUTIONS", tmp_path)


def everything():
    for answer in (None, ..., 1, 0.5):
        check("95.1", answer)
    for _ in range(4):
        hint("95.1")
    solution("95.1")


def test_what_is_printed_is_what_was_printed_before(path, lesson, capsys, monkeypatch):
    everything()
    recorded = capsys.readouterr().out
    monkeypatch.setenv("MUSICLAB_PROGRESS", "off")
    restart()
    everything()
    assert capsys.readouterr().out == recorded
    assert (
        recorded.splitlines()
        == [
            "95.1 A half: not attempted yet.",
            "95.1 A half: not attempted yet.",
            "✓ is positive",
            "✗ your answer is 1, it should be 0.5.",
            '95.1 A half: not yet – hint("95.1") helps.',
            "✓ is positive",
            "✓ is a half",
            "95.1 A half: both properties hold.",
            "Hint 1 of 2: First.",
            "Hint 2 of 2: Second.",
            '95.1: there are no more hints. solution("95.1") shows a worked answer.',
            "Hint 1 of 2: First.",
            "# %% 95.1 A half",
            "half = 1 / 2",
        ]
        or recorded.splitlines()[-1] == "half = 1 / 2"
    )


def test_check_hint_and_solution_record(path, lesson, capsys):
    check("95.1", None)
    assert not path.exists(), "an answer as the notebook gave it is none"
    check("95.1", 1)
    entry = read(path).exercises["95.1"]
    assert (entry.tried, entry.held, entry.of, entry.solved) == (1, 1, 2, "")
    hint("95.1")
    solution("95.1")
    check("95.1", 0.5)
    entry = read(path).exercises["95.1"]
    assert (entry.tried, entry.hints, entry.held) == (2, 1, 2) and entry.after_solution


def test_a_solution_that_is_withheld_was_not_seen(path, lesson, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(exercises, "SOLUTIONS", tmp_path / "none")
    solution("95.1")
    assert not path.exists()


def test_hints_go_on_after_a_restart(path, lesson, capsys):
    said = []
    for _ in range(3):
        hint("95.1")
        restart()
        said.append(capsys.readouterr().out.strip())
    assert said[:2] == ["Hint 1 of 2: First.", "Hint 2 of 2: Second."] and "no more hints" in said[2]
    hint("95.1")
    hint("95.1")
    assert capsys.readouterr().out.splitlines()[1] == "Hint 1 of 2: First.", "after the last the row begins again"
    restart()
    path.write_text(json.dumps({"format": 1, "exercises": {"95.1": {"hints": 7}}}))
    hint("95.1")
    assert "no more hints" in capsys.readouterr().out, "the course had more hints once"
    restart()
    path.write_text("damaged")
    hint("95.1")
    out = capsys.readouterr().out
    assert out.startswith("Hint 1 of 2: First.\n") and "progress.damaged-1.json" in out


def test_a_check_works_where_nothing_can_be_recorded(path, lesson, capsys):
    path.parent.write_text("in the way")
    check("95.1", 0.5)
    *said, last = capsys.readouterr().out.splitlines()
    assert said[-1] == "95.1 A half: both properties hold." and "could not be recorded" in last
    check("95.1", 0.5)
    assert capsys.readouterr().out.splitlines() == said


def test_grading_raises_where_points_are_lost(path, lesson, capsys, monkeypatch):
    monkeypatch.setenv("MUSICLAB_GRADING", "1")
    assert check("95.1", 0.5) is None
    with pytest.raises(AssertionError, match=r"95\.1 A half: your answer is 1, it should be 0\.5\."):
        check("95.1", 1)
    for stub in (None, ...):
        with pytest.raises(AssertionError, match="not attempted yet"):
            check("95.1", stub)
    assert "✗ your answer is 1" in capsys.readouterr().out, "printed as usual"
    assert not path.exists(), "a teacher's check is not the student's"
    monkeypatch.setenv("MUSICLAB_GRADING", "0")
    check("95.1", 1)


# --- in a notebook --------------------------------------------------------------------------------------


def run_notebook(folder, *cells):
    """Run cells in a new kernel that begins in a folder; return what each printed."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    return ["".join(output.get("text", "") for output in cell.outputs) for cell in notebook.cells]


def test_in_a_notebook_it_lies_in_work_beside_it_and_outlives_the_kernel(tmp_path, monkeypatch):
    monkeypatch.delenv("MUSICLAB_PROGRESS")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    first, *_ = run_notebook(
        tmp_path,
        'from musiclab import check, hint\nhint("0.1")',
        f"import os\nos.chdir({str(elsewhere)!r})",
        'check("0.1", 7)',
    )
    found = read(tmp_path / "work" / "progress.json").exercises["0.1"]
    assert (found.tried, found.hints, found.solved) == (1, 1, "") and not list(elsewhere.iterdir())
    (second,) = run_notebook(tmp_path, 'from musiclab import hint\nhint("0.1")')
    assert first.startswith("Hint 1 of ") and second.startswith("Hint 2 of ")
    assert read(tmp_path / "work" / "progress.json").exercises["0.1"].hints == 2
