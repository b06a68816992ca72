"""Game music: bars that follow a scene, sound without a seam, loops that meet."""

import struct
import wave
from dataclasses import replace

import numpy as np
import pytest

from musiclab.bundle import BundleError, load_bundle
from musiclab.character import NAMES
from musiclab.encoding import HOLD, LEVELS
from musiclab.files import MusicFileError, read_score
from musiclab.game import BAR, KEPT, MEMORY, SCENES, Scene, Stream, Tape, Writer, followed, loop, rank_correlation, save_loop
from musiclab.score import Score
from musiclab.show.sound import RATE, mix


@pytest.fixture(scope="module")
def bundle():
    return load_bundle("scenes")


@pytest.fixture(scope="module")
def looped(bundle):
    return loop(bundle, SCENES["explore"], bars=4, seed=1)


EXPLORE, BATTLE = SCENES["explore"], SCENES["battle"]


# --- scenes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"energy": 1.1}, "energy"),
        ({"mode": -0.1}, "mode"),
        ({"tension": float("nan")}, "tension"),
        ({"tempo": 0}, "tempo"),
        ({"loudness": 128}, "loudness"),
    ],
)
def test_a_scene_out_of_range_is_refused_by_name(wrong, name):
    with pytest.raises(ValueError, match=f"{name}=.*'cave'"):
        Scene("cave", **wrong)


@pytest.mark.parametrize("value", np.linspace(0, 1, 33))
def test_a_wish_becomes_the_level_of_its_eighth(value):
    level = Scene("x", energy=value).levels[0]
    assert 1 <= level <= LEVELS
    assert (level - 1) / LEVELS <= value <= level / LEVELS


@pytest.mark.parametrize("name", ["", None, 5])
def test_a_scene_has_a_name(name):
    with pytest.raises(ValueError, match="a scene's name is a word"):
        Scene(name)


def test_a_wish_in_words_is_refused():
    with pytest.raises(ValueError, match="energy='high' in the scene 'cave'"):
        Scene("cave", energy="high")


@pytest.mark.parametrize(
    "wrong", [{"tries": 0}, {"tries": 1.5}, {"count": 0}, {"count": True}], ids=["none", "a half", "no piece", "a truth value"]
)
def test_numbers_of_pieces_and_tries_are_whole(bundle, wrong):
    with pytest.raises(ValueError, match="it must be a whole number, 1 or more"):
        Writer(bundle, **wrong)


def test_levels_and_bars_that_are_none_are_refused(bundle):
    writer = Writer(bundle)
    for levels in ([9, 1, 1, 1], [-1, 1, 1, 1], [1.5, 1, 1, 1]):
        with pytest.raises(ValueError, match="whole numbers from 0 to 8"):
            writer.write(np.array(levels))
    for steps in (12, 20):
        with pytest.raises(ValueError, match=r"it must be \(16, 4\)"):
            writer.write(EXPLORE.levels, np.full((steps, 4), 1))


def test_a_stream_wants_a_scene(bundle):
    stream = Stream(bundle, EXPLORE)
    with pytest.raises(TypeError, match="was given 'battle'"):
        stream.scene = "battle"
    with pytest.raises(ValueError, match="theme=-1"):
        Stream(bundle, EXPLORE, theme=-1)
    assert stream.scene == EXPLORE


def test_only_a_bundle_that_follows_is_taken():
    with pytest.raises(BundleError, match="follows no scene"):
        Writer(load_bundle("chorale"))


# --- the stream -----------------------------------------------------------------------------------------------


def heard(stream, changes, bars):
    """Take so many bars of a stream; `changes` says which scene begins with which bar."""
    found = []
    for number in range(1, bars + 1):
        stream.scene = changes.get(number, stream.scene)
        found.append(stream.next_bar())
    return found


def test_a_change_of_scene_is_heard_with_the_next_bar(bundle):
    bars = heard(Stream(bundle, EXPLORE, seed=0), {3: BATTLE}, 5)
    assert [bar.scene.name for bar in bars] == ["explore", "explore", "battle", "battle", "battle"]
    assert [bar.number for bar in bars] == [1, 2, 3, 4, 5]
    assert [bar.score.tempo for bar in bars] == [EXPLORE.tempo] * 2 + [BATTLE.tempo] * 3


def test_no_note_leaves_its_bar(bundle):
    for bar in heard(Stream(bundle, BATTLE, seed=2), {4: EXPLORE}, 8):
        assert bar.score.duration <= BAR
        assert len(bar.score.voices) <= 4


def test_a_theme_returns_with_its_scene_note_for_note(bundle):
    bars = heard(Stream(bundle, EXPLORE, theme=3, seed=4), {5: BATTLE, 7: EXPLORE, 11: BATTLE}, 14)
    assert [bar.returns for bar in bars] == [False] * 6 + [True] * 3 + [False] + [True] * 2 + [False] * 2
    assert [bar.score for bar in bars[6:9]] == [bar.score for bar in bars[:3]]
    assert [bar.score for bar in bars[10:12]] == [bar.score for bar in bars[4:6]]


def test_a_scene_that_was_left_early_goes_on_learning_its_theme(bundle):
    bars = heard(Stream(bundle, EXPLORE, theme=3, seed=4), {2: BATTLE, 3: EXPLORE, 6: BATTLE, 7: EXPLORE}, 10)
    assert [bar.returns for bar in bars[2:5]] == [True, False, False]
    assert [bar.score for bar in bars[6:9]] == [bars[0].score, bars[3].score, bars[4].score]
    assert [bar.returns for bar in bars[6:10]] == [True, True, True, False]


def test_same_seed_and_same_changes_same_music(bundle):
    one, two = (heard(Stream(bundle, EXPLORE, seed=9), {3: BATTLE}, 5) for _ in range(2))
    assert [bar.score for bar in one] == [bar.score for bar in two]
    other = heard(Stream(bundle, EXPLORE, seed=10), {3: BATTLE}, 5)
    assert [bar.score for bar in one] != [bar.score for bar in other]


def test_a_bar_that_was_taken_back_never_was(bundle):
    stream, plain = Stream(bundle, EXPLORE, seed=5), Stream(bundle, EXPLORE, seed=5)
    heard(stream, {}, 3)
    stream.take_back()
    wanted = heard(plain, {3: BATTLE}, 6)
    stream.scene = BATTLE
    again = [stream.next_bar() for _ in range(4)]
    assert [bar.score for bar in again] == [bar.score for bar in wanted[2:]]
    assert [bar.number for bar in again] == [3, 4, 5, 6]


def test_only_the_last_bar_can_be_taken_back(bundle):
    stream = Stream(bundle, EXPLORE, seed=5)
    with pytest.raises(ValueError, match="no bar can be taken back"):
        stream.take_back()
    heard(stream, {}, 2)
    stream.take_back()
    with pytest.raises(ValueError, match="only the last"):
        stream.take_back()


def test_a_long_stream_costs_no_more_memory(bundle):
    writer = Writer(bundle, seed=0)
    longest = 0
    for _ in range(MEMORY + 6):
        writer.write(EXPLORE.levels)
        longest = max(longest, len(writer._pasts[0].tokens))
    assert longest == MEMORY * writer.steps
    assert len(writer._pasts[0].tokens) == (KEPT + 6) * writer.steps


# --- the writer -----------------------------------------------------------------------------------------------


def test_no_bar_begins_with_a_note_that_is_held(bundle):
    writer = Writer(bundle, 12, seed=1)
    for _ in range(3):
        tokens, _ = writer.write(BATTLE.levels)
        assert tokens.shape == (12, 16, 4)
        assert not (tokens[:, 0] == HOLD).any()
        assert (tokens > 0).all()  # nothing ends


def test_a_bar_that_is_given_stands_and_its_surprise_is_measured(bundle):
    writer = Writer(bundle, 2, seed=3)
    tokens, nats = writer.write(EXPLORE.levels)
    again, surprise = Writer(bundle, seed=7).write(EXPLORE.levels, tokens[1])
    assert (again[0] == tokens[1]).all()
    assert surprise[0] == pytest.approx(nats[1], abs=1e-3)
    _, strange = Writer(bundle).write(EXPLORE.levels, np.random.default_rng(0).permutation(tokens[1].ravel()).reshape(16, 4))
    assert strange[0] > 1.5 * surprise[0]


def test_pieces_that_are_kept_go_on_where_they_were(bundle):
    writer = Writer(bundle, 3, seed=3)
    tokens, _ = writer.write(EXPLORE.levels)
    twin = writer.copy()
    writer.keep([2, 2])
    _, alike = writer.write(EXPLORE.levels, tokens[0])
    _, before = twin.write(EXPLORE.levels, tokens[0])
    assert alike == pytest.approx([before[2]] * 2, abs=1e-3)


def test_of_several_tries_the_nearest_is_kept(bundle):
    once, often = (Writer(bundle, 16, tries=tries, seed=2) for tries in (1, 8))
    for writer in (once, often):
        for _ in range(2):
            tokens, _ = writer.write(BATTLE.levels)
        assert tokens.shape == (16, 16, 4) and len(writer._pasts) == 16
        assert [past.tokens[-1] for past in writer._pasts] == [tuple(row) for row in tokens[:, -1].tolist()]
    near, far = (writer._distances(np.tile(BATTLE.levels, (16, 1))).mean() for writer in (often, once))
    assert near < 0.5 * far


def test_what_is_not_asked_for_does_not_count(bundle):
    writer = Writer(bundle, 4, tries=1, seed=2)
    writer.write(BATTLE.levels)
    assert writer._distances(np.zeros((4, 4), int)).tolist() == [0] * 4
    one = BATTLE.levels * [1, 0, 0, 0]
    assert (writer._distances(np.tile(one, (4, 1))) <= writer._distances(np.tile(BATTLE.levels, (4, 1)))).all()


def test_a_copy_goes_its_own_way(bundle):
    writer = Writer(bundle, seed=3)
    writer.write(EXPLORE.levels)
    twin = writer.copy()
    twin.write(BATTLE.levels)
    twin.write(BATTLE.levels)
    plain = Writer(bundle, seed=3)
    plain.write(EXPLORE.levels)
    assert (writer.write(EXPLORE.levels)[0] == plain.write(EXPLORE.levels)[0]).all()


@pytest.fixture(scope="module")
def answers(bundle):
    return followed(bundle, count=48, bars=6, seed=5)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_asked_for_comes(answers, name):
    wanted, measured = answers[name]
    assert rank_correlation(wanted, measured) > 0.75  # the figure itself is measured on more pieces, in benchmarks/game.py


@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        ([1, 2, 3], [10, 20, 1000], 1.0),
        ([1, 2, 3], [3, 2, 1], -1.0),
        ([1, 2, 2, 3], [1, 2, 3, 4], 0.948683),  # ranks 1, 2.5, 2.5, 4: 4.5 / sqrt(4.5 * 5)
        ([1, 2, 3, 4, 5], [5, 6, 7, 8, 7], 0.820783),  # a textbook's
    ],
)
def test_rank_correlation(a, b, wanted):
    assert rank_correlation(np.array(a), np.array(b)) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(("a", "b"), [([1, 2], [1, 2, 3]), ([], []), ([1, np.nan], [1, 2])])
def test_what_cannot_be_compared_is_refused(a, b):
    with pytest.raises(ValueError, match="equally long"):
        rank_correlation(np.array(a), np.array(b))


def test_no_order_no_correlation():
    assert np.isnan(rank_correlation(np.ones(4), np.arange(4)))


# --- sound ----------------------------------------------------------------------------------------------------


def test_bars_that_are_played_one_by_one_sound_like_the_whole(bundle):
    bars = heard(Stream(bundle, EXPLORE, seed=6), {}, 4)
    tape = Tape()
    pieces = np.concatenate([tape.play(bar.score) for bar in bars])
    notes = [(o + BAR * n, d, p, v, vel) for n, bar in enumerate(bars) for o, d, p, v, vel in bar.score.notes.tolist()]
    whole = mix(Score(notes, tempo=EXPLORE.tempo), voices=range(4))
    whole = whole[: len(pieces)] * 0.45
    assert len(pieces) == round(4 * BAR * 60 / EXPLORE.tempo * RATE)
    level = np.sqrt(np.mean(whole**2))  # at this tempo every sixteenth begins with a whole frame
    assert np.sqrt(np.mean((pieces - whole) ** 2)) < 1e-5 * level


def test_a_voice_keeps_its_place_where_others_are_silent():
    alone, among = Score([(0, 4, 60, 1)]), Score([(0, 4, 60, 1), (0, 4, 30, 3)])
    samples = [Tape().play(score) for score in (alone, among, Score([(0, 4, 30, 3)]))]
    assert np.allclose(samples[0], samples[1] - samples[2], atol=1e-5)


def test_bar_lines_do_not_drift():
    scene = replace(BATTLE, tempo=133.7)
    tape = Tape()
    note = Score([(0, 1, 60)], tempo=scene.tempo)
    total = sum(len(tape.play(note)) for _ in range(500))
    assert abs(total - 500 * BAR * 60 / 133.7 * RATE) <= 1


def test_bars_of_one_voice_and_of_none_can_be_played():
    tape = Tape()
    assert tape.play(Score([(0, 4, 60)], tempo=120)).shape == (2 * RATE, 2)
    rest = tape.play(Score([], tempo=120))
    assert rest.shape == (2 * RATE, 2)
    assert np.abs(rest[: RATE // 20]).max() > 0  # the note of the bar before is still ringing
    assert not rest[RATE:].any()


# --- loops ----------------------------------------------------------------------------------------------------


def test_a_loop_has_the_bars_that_were_asked_for(bundle, looped):
    assert 4 * BAR - 1 < looped.duration <= 4 * BAR
    assert looped.tempo == EXPLORE.tempo
    with pytest.raises(ValueError, match="4 or more"):
        loop(bundle, EXPLORE, bars=3)


def test_of_sixteen_ends_the_one_before_which_the_beginning_surprises_least(bundle, monkeypatch):
    surprises = []
    real = Writer.write

    def write(self, levels, given=None):
        tokens, nats = real(self, levels, given)
        if given is not None:
            surprises.append((nats, [past.tokens[-48:-16] for past in self._pasts]))  # two bars, and then the first again
        return tokens, nats

    monkeypatch.setattr(Writer, "write", write)
    score = loop(bundle, EXPLORE, bars=4, seed=2)
    ((nats, ends),) = surprises
    assert len(nats) == 16 and np.ptp(nats) > 1
    last = bundle.encoding.encode(score)[-32:]
    assert [tuple(row) for row in last.tolist()] == ends[int(nats.argmin())][-len(last) :]


def test_a_loop_of_another_metre_is_as_long_as_its_bars(tmp_path):
    waltz = Score([(0, 1, 60), (3, 1, 64), (4, 1, 67)], time_signature=(3, 4), tempo=90)
    wav, _ = save_loop(waltz, tmp_path / "waltz.wav")
    with wave.open(str(wav)) as file:
        assert file.getnframes() == 4 * RATE
    with pytest.raises(MusicFileError, match="no notes"):
        save_loop(Score([]), tmp_path / "silence.wav")


def chunks(data):
    """Take a RIFF file apart: name -> body."""
    assert data[:4] == b"RIFF"
    assert data[8:12] == b"WAVE"
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    place, found = 12, {}
    while place < len(data):
        size = struct.unpack("<I", data[place + 4 : place + 8])[0]
        found[data[place : place + 4]] = data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
    return found


def test_the_saved_loop_meets_itself(looped, tmp_path):
    wav, midi = save_loop(looped, tmp_path / "explore.wav")
    with wave.open(str(wav)) as file:  # another reader
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2) / 32767
        assert file.getframerate() == RATE
    assert len(frames) == round(4 * BAR * 60 / EXPLORE.tempo * RATE)
    sampler = struct.unpack("<15I", chunks(wav.read_bytes())[b"smpl"])
    assert sampler[7] == 1  # loops
    assert sampler[11:13] == (0, len(frames) - 1)
    # The second round of the music played on and on is the file, from its first frame to its last.
    twice = [(o + 4 * BAR * n, d, p, v, vel) for n in (0, 1) for o, d, p, v, vel in looped.notes.tolist()]
    rounds = 0.45 * mix(Score(twice, tempo=looped.tempo), voices=range(4))
    second = rounds[len(frames) : 2 * len(frames)]
    level = np.sqrt(np.mean(second**2))
    assert np.sqrt(np.mean((frames - second) ** 2)) < 0.05 * level
    # Across the seam the wave moves no further than it does elsewhere.
    steps = np.abs(np.diff(frames, axis=0))
    assert np.abs(frames[0] - frames[-1]).max() <= np.quantile(steps, 0.9999)
    again = read_score(midi)
    assert [n[2] for n in again.notes.tolist()] == [n[2] for n in looped.notes.tolist()]


def test_a_loop_is_not_written_over_another(looped, tmp_path):
    wav, midi = save_loop(looped, tmp_path / "loop.wav")
    before = wav.read_bytes(), midi.read_bytes()
    with pytest.raises(MusicFileError, match="exists already"):
        save_loop(looped, wav)
    wav.unlink()
    with pytest.raises(MusicFileError, match=r"loop\.mid exists already"):
        save_loop(looped, wav)
    assert not wav.exists()
    save_loop(looped, wav, overwrite=True)
    assert (wav.read_bytes(), midi.read_bytes()) == before
    with pytest.raises(MusicFileError, match=r"must end in \.wav"):
        save_loop(looped, tmp_path / "loop.ogg")
    with pytest.raises(MusicFileError):
        save_loop(looped, tmp_path / "nowhere" / "loop.wav")
