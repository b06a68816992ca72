"""The progress panel: what the file holds is what is shown, the notebook stores nothing of it, files are merged and copied."""

import html
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lab import find_browser, open_page, server, write_notebook

from musiclab import progress
from musiclab.exercises import exercises_of, lessons, properties
from musiclab.progress import Entry, Results, merge, merge_into, parse, read, record
from musiclab.quiz import questions_of, quizzes
from musiclab.widgets.progress import BAR, Progress, state, survey


@pytest.fixture(autouse=True)
def path(monkeypatch, tmp_path):
    monkeypatch.setattr(progress, "_sessions", {})
    path = tmp_path / "work" / "progress.json"
    monkeypatch.setenv("MUSICLAB_PROGRESS", str(path))
    return path


def plain(widget):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", widget.value)).split())


def upload(panel, name, data):
    file = {"name": name, "type": "application/json", "size": len(data), "content": memoryview(data)}
    panel.upload.value = ({**file, "last_modified": datetime(2026, 3, 1, tzinfo=UTC)},)


def everything_done():
    table = {e.id: Entry({"a": 1}, 0, 1, 1, "", *["2026-03-01T09:30:00Z"] * 3) for n in lessons() for e in exercises_of(n)}
    quiz = {f"{n}.{k}": Entry(solved="2026-03-01T09:30:00Z") for n in quizzes() for k in range(1, len(questions_of(n)) + 1)}
    return Results(table, quiz)


# --- what is shown --------------------------------------------------------------------------------------


def test_a_row_for_each_lesson_with_the_title_of_its_notebook():
    panel = Progress()
    assert [lesson.number for lesson in panel.lessons] == lessons() and panel.rows.value.count("<details") == len(lessons())
    titles = [
        path.stem[3:].replace("_", " ") for path in sorted((Path(__file__).parents[1] / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    ]
    for lesson, title in zip(panel.lessons, titles, strict=False):
        assert lesson.title.lower() == title and lesson.title[0].isupper()
        total, asked = len(exercises_of(lesson.number)), len(questions_of(lesson.number))
        headline = f"{lesson.number:02d} {lesson.title}: 0 of {total} exercises solved, 0 of {asked} questions right"
        assert headline in panel.text and headline in plain(panel.rows)
    assert panel.rows.value.count("□" * BAR) == len(lessons())
    assert "Next: exercise 0.1, A waltz." in panel.text and "Next: exercise 0.1, A waltz." in plain(panel.rows)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (Entry(), "not attempted"),
        (Entry(hints=1), "not attempted (1 hint)"),
        (Entry({"a": 2}, held=3, of=4), "3 of 4 properties"),
        (Entry({"a": 2}, 2, 3, 4, solution="2026-03-01T09:30:00Z"), "3 of 4 properties (2 hints, solution seen)"),
        (Entry({"a": 2}, held=0), f"0 of {properties(exercises_of(5)[0])} properties"),
        (Entry({"a": 2}, held=4, of=4, solved="2026-03-01T09:30:00Z"), "solved"),
        (Entry({"a": 2}, 0, 4, 4, "2026-03-01T09:29:00Z", "2026-03-01T09:30:00Z"), "solved after seeing the solution"),
        (Entry({"a": 2}, 0, 4, 4, "2026-03-01T09:31:00Z", "2026-03-01T09:30:00Z"), "solved"),
    ],
)
def test_the_state_of_an_exercise(entry, words, path):
    exercise = exercises_of(5)[0]
    assert state(exercise, entry) == words
    merge_into(path, Results({"5.1": entry}))
    assert f"5.1 {exercise.title}: {words}" in Progress().text


def test_the_file_is_read_again_when_asked():
    panel = Progress()
    for exercise in exercises_of(5):
        record("check", exercise.id, True, held=4, of=4)
    record("quiz", "5.1", True)
    assert "05 Preprocessing: 0 of" in panel.text
    panel.again.click()
    total = len(exercises_of(5))
    assert f"05 Preprocessing: {total} of {total} exercises solved, 1 of {len(questions_of(5))} questions right" in panel.text
    row = next(row for row in panel.rows.value.split("<details") if "05 Preprocessing" in row)
    full = BAR * (total + 1) // (total + len(questions_of(5)))
    assert "■" * full + "□" * (BAR - full) in row and row.count(": solved</li>") == total
    left = len(questions_of(5)) - 1
    assert f"Next: the quiz of lesson 05, {left} questions left." in panel.text, "in the lesson that was worked at last"


def test_what_comes_next_is_never_done_already():
    """Whatever is done, one after the other, until all is."""
    whole, now = everything_done(), Results()
    for _ in range(len(whole.exercises) + len(lessons())):
        todo = [lesson.next() for lesson in survey(now) if lesson.next()]
        if not todo:
            break
        exercise = re.match(r"exercise (\S+),", todo[0])
        if exercise:
            assert exercise[1] not in now.exercises
            now = merge(now, Results({exercise[1]: whole.exercises[exercise[1]]}))
        else:
            number = int(re.search(r"lesson (\d+)", todo[0])[1])
            now = merge(now, Results({}, {k: v for k, v in whole.quiz.items() if k.split(".")[0] == str(number)}))
    assert now == whole


def test_all_is_done(path):
    merge_into(path, everything_done())
    panel = Progress()
    assert "All is done" in panel.text and "□" not in panel.rows.value


def test_what_the_course_does_not_know_is_kept_and_not_shown(path):
    merge_into(path, Results({"99.1": Entry(hints=1)}, {"0.99": Entry(solved="2026-03-01T09:30:00Z")}))
    assert "99.1" not in Progress().text and read(path).exercises["99.1"].hints == 1


def test_what_the_notebook_stores_is_the_same_for_everybody():
    record("check", exercises_of(0)[0].id, True)
    panel = Progress()
    assert panel._repr_mimebundle_()["text/plain"] == repr(panel) == Progress.title == Progress().title
    assert "1 of" not in Progress.title and "application/vnd.jupyter.widget-view+json" in panel._repr_mimebundle_()


# --- trouble --------------------------------------------------------------------------------------------


def test_where_nothing_is_recorded_it_says_so(monkeypatch):
    monkeypatch.setenv("MUSICLAB_PROGRESS", "off")
    panel = Progress()
    assert "Nothing is recorded here" in plain(panel.message) and len(panel.lessons) == len(lessons())
    for act in (panel.export.click, lambda: upload(panel, "a.json", b"{}")):
        act()
        assert "Nothing is recorded here, so there is no file" in plain(panel.message)


def test_a_damaged_file_is_named_and_left_for_the_next_record(path):
    path.parent.mkdir()
    path.write_text("{")
    panel = Progress()
    assert "progress.json is damaged" in plain(panel.message) and path.read_text() == "{"
    assert panel.rows.value.count("<details") == len(lessons())
    panel.again.click()
    assert "progress.json is damaged" in plain(panel.message)
    path.unlink()
    path.mkdir()
    panel.again.click()
    assert "cannot be read or written" in plain(panel.message)
    path.rmdir()
    panel.again.click()
    assert plain(panel.message) == "Read again."


# --- export and merge -----------------------------------------------------------------------------------


def test_export(path):
    panel = Progress()
    panel.name.value = "Ada"
    panel.export.click()
    assert "nothing to export" in plain(panel.message)
    record("check", "5.1", True)
    panel.name.value = ""
    panel.export.click()
    assert "needs letters" in plain(panel.message)
    panel.name.value = "Ada Lovelace"
    panel.export.click()
    assert plain(panel.message) == "Written: work/progress_Ada_Lovelace.json."
    assert read(path.parent / "progress_Ada_Lovelace.json") == read(path)


def test_a_file_of_another_computer_is_merged(path):
    record("check", "5.1", held=1, of=4)
    mine = read(path)
    other = Results({"5.1": Entry({"z": 3}, 0, 3, 4), "5.2": Entry({"z": 1}, solved="2026-03-01T09:30:00Z")})
    panel = Progress()
    upload(panel, "progress_home.json", progress._format(other))
    copy = path.parent / "progress.before-1.json"
    assert plain(panel.message) == (
        "progress_home.json is merged into progress.json. If that was not yours, delete progress.json and rename"
        " progress.before-1.json to it: it is your progress from before."
    )
    assert read(copy) == mine, "nobody could take the two apart again"
    assert read(path) == merge(mine, other) and read(path).exercises["5.1"].tried == 4
    assert "5.1 Count the events: 3 of 4 properties" in panel.text and panel.upload.value == ()
    held = path.read_bytes()
    upload(panel, "progress_home.json", progress._format(other))
    assert path.read_bytes() == held, "a second time changes nothing"
    assert plain(panel.message) == "progress_home.json is merged into progress.json."
    assert [p.name for p in path.parent.glob("*before*")] == [copy.name], "and needs no copy"
    copy.replace(path)
    record("check", "5.1", held=1, of=4)
    assert read(path).exercises["5.1"].tried == 2, "what the sentence tells to do undoes it"


def test_what_is_merged_into_a_damaged_file_or_none(path):
    panel = Progress()
    upload(panel, "home.json", progress._format(Results({"5.1": Entry({"z": 3}, 0, 3, 4)})))
    assert plain(panel.message) == "home.json is merged into progress.json."
    path.write_text("{")
    upload(panel, "home.json", progress._format(Results({"5.1": Entry({"z": 3}, 0, 3, 4)})))
    assert "home.json is merged" in plain(panel.message) and "is kept as progress.damaged-1.json" in plain(panel.message)
    assert read(path).exercises["5.1"].tried == 3 and not list(path.parent.glob("*before*"))


@pytest.mark.parametrize("data", [b"", b"{", b"a picture", json.dumps({"format": 2}).encode(), json.dumps([1]).encode()])
def test_what_is_no_progress_file_changes_nothing(data, path):
    record("check", "5.1", held=1, of=4)
    held = path.read_bytes()
    panel = Progress()
    upload(panel, "<holiday>.json", data)
    assert "<holiday>.json was not merged, for " in plain(panel.message) and "<holiday>" not in panel.message.value
    assert path.read_bytes() == held
    assert [p.name for p in path.parent.glob("progress*")] == ["progress.json"]


def test_an_export_is_what_another_computer_merges(path, tmp_path, monkeypatch):
    record("check", "5.1", held=1, of=4)
    panel = Progress()
    panel.name.value = "me"
    panel.export.click()
    data = (path.parent / "progress_me.json").read_bytes()
    monkeypatch.setenv("MUSICLAB_PROGRESS", str(tmp_path / "other.json"))
    there = Progress()
    upload(there, "progress_me.json", data)
    assert read(tmp_path / "other.json") == parse(data) == read(path)


def test_every_control_has_a_name():
    panel = Progress()
    assert all(control.description and control.tooltip for control in (panel.again, panel.export, panel.upload))
    assert panel.name.description and 'aria-live="polite"' in panel.message.value
    assert 'aria-hidden="true"' in panel.rows.value, "the bar is read in words"


# --- in a browser ---------------------------------------------------------------------------------------


def test_by_keyboard_alone(tmp_path, path):
    if find_browser() is None:
        pytest.skip("there is no Chromium or Chrome on this computer; the panel was not tried in a browser")
    root, home = tmp_path / "root", tmp_path / "home"
    root.mkdir(), home.mkdir()
    (tmp_path / "progress_home.json").write_bytes(progress._format(Results({"5.1": Entry({"z": 3}, 0, 3, 4)})))
    write_notebook(root / "progress.ipynb", "from musiclab.widgets.progress import Progress\nProgress()")
    with server(root, home) as address, open_page(address, "progress.ipynb") as lab:
        lab.run_all(1)
        page, press = lab.page, lab.page.keyboard.press
        summary = page.locator("summary").filter(has_text="05 Preprocessing")
        summary.wait_for(timeout=60_000)
        exercise = page.get_by_text("5.1 Count the events: not attempted")
        assert not exercise.is_visible()
        summary.focus()
        press("Enter")
        exercise.wait_for(timeout=10_000)
        record("check", "5.1", True, held=4, of=4)
        page.get_by_role("button", name="Read again").focus()
        press("Space")
        page.get_by_text("05 Preprocessing: 1 of").first.wait_for(timeout=20_000)
        press("Tab")
        page.keyboard.type("Ada")
        press("Tab")
        press("Enter")
        page.get_by_role("status").filter(has_text="Written: work/progress_Ada.json.").wait_for(timeout=20_000)
        with page.expect_file_chooser() as chosen:
            page.get_by_role("button", name="Merge a file").press("Enter")
        chosen.value.set_files(tmp_path / "progress_home.json")
        page.get_by_role("status").filter(has_text="progress_home.json is merged").wait_for(timeout=20_000)
        assert read(path).exercises["5.1"].tried == 4
        page.screenshot(path=str(tmp_path / "progress.png"), full_page=True)
        assert lab.strangers(address) == []
        assert not [error for error in lab.errors if "musiclab" in error or "TypeError" in error]
