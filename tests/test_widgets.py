"""The widgets, driven over their whole range without a browser."""

import re
import threading
from collections import Counter

import pytest
from ipywidgets import DOMWidget

from musiclab.widgets.dice import BARS, TABLE, DiceGame, waltz


@pytest.fixture(scope="module")
def game():
    return DiceGame(seed=0)


def consistent(game):
    """Whatever was pressed: dice, sums, numbers, table, text and player tell of the same waltz."""
    assert len(game.rolls) == BARS and all(1 <= die <= 6 for roll in game.rolls for die in roll)
    assert game.sums == tuple(one + two for one, two in game.rolls)
    assert game.numbers == tuple(TABLE[total - 2][bar] for bar, total in enumerate(game.sums))
    assert game.score == waltz(game.sums) == game.player.score
    rows = re.findall(r"<tr>(.*?)</tr>", game.table.value)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows]
    dice, sums, numbers = (cells[k] + cells[k + 4] for k in (1, 2, 3))  # a table for each half
    assert dice == [f"{one}+{two}" for one, two in game.rolls]
    assert [int(n) for n in sums] == list(game.sums)
    assert [int(n) for n in numbers] == list(game.numbers)
    for bar, ((one, two), number) in enumerate(zip(game.rolls, game.numbers, strict=True), 1):
        assert f" {bar}: {one}+{two} is {number}" in game.text


def test_it_begins_with_a_waltz(game):
    consistent(game)


def test_the_same_seed_throws_the_same_and_another_seed_other_dice():
    one, same, other = DiceGame(seed=4), DiceGame(seed=4), DiceGame(seed=5)
    for _ in range(3):
        assert one.rolls == same.rolls != other.rolls
        for game in (one, same, other):
            game.roll_button.click()
    assert DiceGame().rolls != DiceGame().rolls


def test_each_bar_button_throws_for_its_bar_alone(game):
    for bar, button in enumerate(game.bar_buttons):
        seen = {game.rolls[bar]}
        for _ in range(10):  # the same dice ten times over: once in 36 to the 10th power
            before = game.rolls
            button.click()
            assert before[:bar] + before[bar + 1 :] == game.rolls[:bar] + game.rolls[bar + 1 :]
            seen.add(game.rolls[bar])
            if len(seen) > 1:
                break
        assert len(seen) > 1
        consistent(game)


def test_the_large_button_throws_for_every_bar(game):
    changed = Counter()
    for _ in range(8):
        before = game.rolls
        game.roll_button.click()
        consistent(game)
        changed.update(bar for bar in range(BARS) if game.rolls[bar] != before[bar])
    assert set(changed) == set(range(BARS))


def test_the_dice_are_two_fair_dice():
    """2,400 throws: each sum within four standard deviations of what two fair dice give."""
    game = DiceGame(seed=1)
    thrown = Counter(one + two for _ in range(150) for one, two in game._throw(BARS))
    total = sum(thrown.values())
    for sum_of_dice in range(2, 13):
        chance = (6 - abs(sum_of_dice - 7)) / 36
        assert abs(thrown[sum_of_dice] - total * chance) < 4 * (total * chance * (1 - chance)) ** 0.5


def test_every_button_has_a_name_and_is_reached_by_the_keyboard(game):
    buttons = [game.roll_button, *game.bar_buttons]
    assert len({button.description for button in buttons}) == len(buttons) == 17
    assert all(button.description and not button.disabled for button in buttons)
    assert all(isinstance(child, DOMWidget) for child in game.children) and game.children[0] is game.roll_button


def test_where_widgets_do_not_run_the_whole_text_is_there(game):
    bundle = game._repr_mimebundle_()
    assert bundle["text/plain"] == game.text == repr(game)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert str(game.numbers[-1]) in game.text


def test_a_press_may_come_from_another_thread(game):
    """As in JupyterLab, where callbacks of widgets may run beside the main thread."""
    errors = []

    def press():
        try:
            game.roll_button.click()
            game.bar_buttons[15].click()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=press)
    thread.start()
    thread.join(60)
    assert not errors and not thread.is_alive()
    consistent(game)
