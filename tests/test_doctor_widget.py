"""The widget of the file doctor, driven as a reader drives it."""

import re
import threading
from datetime import datetime
from pathlib import Path

import pytest
from lab import find_browser, open_page, server, write_notebook

from musiclab.bundle import DATA
from musiclab.doctor import ENCODINGS, diagnose
from musiclab.files import write_midi
from musiclab.score import Score
from musiclab.widgets import doctor as module
from musiclab.widgets.doctor import FileDoctor

MUSIC = DATA / "music.mid"


def upload(doctor, name, content):
    """Do what the browser does when a file was chosen."""
    file = {"name": name, "type": "", "size": len(content), "content": memoryview(content), "last_modified": datetime(2020, 1, 1)}
    doctor.upload.value = (file,)


def empty(doctor):
    return doctor.findings.value == doctor.roll.value == doctor.sounds.value == "" and doctor.diagnosis is None


def test_it_begins_with_nothing_and_says_what_to_do():
    doctor = FileDoctor()
    assert empty(doctor) and "Upload a file" in doctor.text
    doctor.button.click()
    assert empty(doctor) and "Write the path" in doctor.message.value


def test_a_path_is_examined_seen_and_heard():
    doctor = FileDoctor(MUSIC)
    expected = diagnose(MUSIC)
    assert str(doctor.diagnosis) == str(expected) and str(expected) in doctor.text
    assert doctor.findings.value == expected._repr_html_()
    assert doctor.roll.value.startswith("<img alt=") and "In both: 413 notes" in doctor.text
    assert doctor.sounds.value.count("<audio") == 2
    assert all(label in doctor.sounds.value for label in module.LABELS)
    assert expected.verdict in doctor.message.value


def test_an_upload_is_the_same_as_the_path_and_leaves_no_copy(monkeypatch):
    doctor, seen = FileDoctor(), []
    real = module.diagnose
    monkeypatch.setattr(module, "diagnose", lambda path, *args, **more: (seen.append(path), real(path, *args, **more))[1])
    upload(doctor, "my music.mid", MUSIC.read_bytes())
    assert str(doctor.diagnosis) == str(diagnose(MUSIC, name="my music.mid"))
    (copy,) = seen
    assert copy.suffix == ".mid" and not copy.exists() and not copy.parent.exists()


@pytest.mark.parametrize("name", ["../../evil.mid", "a/b\\c.mid", "no suffix", "x.m/id", "<b>.mid", "nul\0l.mid"])
def test_an_uploaded_name_is_shown_and_not_used(name, monkeypatch):
    doctor, seen = FileDoctor(), []
    real = module.diagnose
    monkeypatch.setattr(module, "diagnose", lambda path, *args, **more: (seen.append(path), real(path, *args, **more))[1])
    upload(doctor, name, b"no music")
    assert re.fullmatch(r"uploaded(\.\w+)?", seen[0].name)
    assert doctor.diagnosis.problem.startswith(f"{name}: ") and "musiclab-" not in doctor.text
    assert "<b>" not in doctor.findings.value + doctor.message.value


def test_the_menu_examines_the_same_file_again():
    doctor = FileDoctor(MUSIC)
    kept = {}
    for choice in ENCODINGS:
        doctor.encoding.value = choice
        kept[choice] = doctor.diagnosis["encoding"].words
        assert kept[choice] == diagnose(MUSIC, choice)["encoding"].words
    assert len(set(kept.values())) == len(ENCODINGS)
    upload(doctor, "up.mid", MUSIC.read_bytes())
    doctor.encoding.value = "melody"
    assert doctor.diagnosis.name == "up.mid", "the upload and not the path"
    doctor.button.click()
    assert doctor.diagnosis.name == str(MUSIC)


def test_a_bad_file_takes_the_last_findings_away(tmp_path):
    doctor = FileDoctor(MUSIC)
    doctor.path.value = str(tmp_path / "none.mid")
    doctor.button.click()
    assert "cannot be read" in doctor.message.value and "does not exist" in doctor.findings.value
    assert doctor.roll.value == doctor.sounds.value == "" and "In both" not in doctor.text


def test_an_error_is_said_in_words(monkeypatch):
    doctor = FileDoctor(MUSIC)
    monkeypatch.setattr(module, "diagnose", lambda *args, **more: 1 / 0)
    doctor.button.click()
    assert empty(doctor) and "That did not work: division by zero" in doctor.text


def test_a_piece_of_which_nothing_is_left(tmp_path):
    low = write_midi(Score([(n, 1.0, 20) for n in range(40)]), tmp_path / "low.mid")
    doctor = FileDoctor(low, encoding="chorale")
    assert doctor.diagnosis.verdict == "not usable as it is" and "nothing to hear" in doctor.sounds.value


def test_a_piece_that_begins_late_is_shown_from_its_first_note_on(tmp_path):
    late = write_midi(Score([(80 + n, 1.0, 60 + n % 5) for n in range(80)]), tmp_path / "late.mid")
    assert "Shown: bars 21 to 28, with 64 notes" in FileDoctor(late).text, "32 of each score"


def test_every_control_has_a_name_and_is_reached_by_the_keyboard():
    doctor = FileDoctor()
    controls = doctor.children[0].children
    assert [control.description for control in controls] == ["Upload a file", "or its path", "Examine", "encoding"]
    assert not any(control.disabled for control in controls)
    assert 'aria-live="polite"' in doctor.message.value


def test_where_widgets_do_not_run_the_whole_text_is_there():
    doctor = FileDoctor(MUSIC)
    bundle = doctor._repr_mimebundle_()
    assert bundle["text/plain"] == doctor.text == repr(doctor)
    assert len(doctor.roll.value) + len(doctor.sounds.value) < 400_000, "a notebook has to stay small"


def test_a_press_may_come_from_another_thread():
    doctor = FileDoctor()
    doctor.path.value = str(Path(MUSIC))
    thread = threading.Thread(target=doctor.button.click)
    thread.start()
    thread.join(60)
    assert not thread.is_alive() and doctor.diagnosis is not None and "<audio" in doctor.sounds.value


SOUNDS = "n => document.querySelectorAll('audio').length === n"


def test_in_a_browser_a_file_is_uploaded_and_examined(tmp_path):
    if find_browser() is None:
        pytest.skip("there is no Chromium or Chrome on this computer; the upload was not tried in a browser")
    root, home = tmp_path / "root", tmp_path / "home"
    root.mkdir()
    write_notebook(root / "doctor.ipynb", "from musiclab.widgets.doctor import FileDoctor\nFileDoctor()")
    write_midi(Score([(k, 1, 60 + k) for k in range(8)]), tmp_path / "eight.mid")
    (tmp_path / "letter.mid").write_bytes(b"This is a letter to my aunt.")
    with server(root, home) as address, open_page(address, "doctor.ipynb") as opened:
        opened.run_all(1)
        with opened.page.expect_file_chooser() as chosen:
            opened.page.get_by_role("button", name="Upload a file").click()
        chosen.value.set_files(tmp_path / "eight.mid")
        opened.page.get_by_text("8 notes").first.wait_for(timeout=20_000)
        opened.page.wait_for_function(SOUNDS, arg=2, timeout=20_000)
        with opened.page.expect_file_chooser() as chosen:
            opened.page.get_by_role("button", name="Upload a file").click()
        chosen.value.set_files(tmp_path / "letter.mid")
        opened.page.get_by_text("letter.mid").first.wait_for(timeout=20_000)
        opened.page.wait_for_function(SOUNDS, arg=0, timeout=20_000)
        assert not opened.strangers(address)
        assert not opened.errors
