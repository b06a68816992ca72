"""Parts of the work on cores of their own: in order, at once, with products on one core each, and with the errors."""

import multiprocessing
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from musiclab import cores


def threads_of_products():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_results_come_in_the_order_of_the_parts():
    assert cores.in_parts(lambda a, b: a - b, range(20), np.arange(20) * 3) == [-2 * n for n in range(20)]
    assert cores.in_parts(abs, []) == []


def test_parts_run_at_the_same_time():
    """As many as there are cores meet at a barrier; one after the other they never would."""
    barrier = threading.Barrier(cores.count())
    cores.in_parts(lambda n: barrier.wait(timeout=20), range(cores.count()))


def test_products_take_one_core_meanwhile_and_all_of_them_afterwards():
    before = threads_of_products()
    assert cores.count() == max(before, default=1)
    assert all(n == 1 for inside in cores.in_parts(lambda _: threads_of_products(), range(3)) for n in inside)
    assert threads_of_products() == before


def test_callers_take_turns_and_leave_the_threads_as_they_were():
    before, results = threads_of_products(), []

    def caller(k):
        for _ in range(50):
            results.append(cores.in_parts(lambda n: (k, n), range(3)) == [(k, 0), (k, 1), (k, 2)])

    callers = [threading.Thread(target=caller, args=(k,)) for k in range(4)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()
    assert len(results) == 200 and all(results)
    assert threads_of_products() == before


def test_an_error_in_a_part_is_raised_and_changes_nothing():
    before = threads_of_products()
    for count in (1, 3):
        with pytest.raises(ZeroDivisionError):
            cores.in_parts(lambda n: 1 // n, range(count))
    assert threads_of_products() == before
    assert cores.in_parts(abs, [-1]) == [1]


def test_parts_within_a_part_are_taken_one_after_the_other():
    assert cores.in_parts(lambda n: cores.in_parts(lambda m: (n, m), range(2)), range(3)) == [[(n, 0), (n, 1)] for n in range(3)]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="there is no way to send a signal to a thread here")
@pytest.mark.parametrize("interrupted", [False, True])
def test_nobody_leaves_before_the_last_part_has_ended(interrupted, request):
    """Otherwise a part would go on writing to memory that is used for something else by then."""
    ended = []

    def part(n):
        if n == 0 and not interrupted:
            raise RuntimeError("at once")
        time.sleep(0.5)
        ended.append(threads_of_products())

    if interrupted:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # other tests may have left another one
        request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
        main = threading.main_thread().ident
        threading.Timer(0.1, signal.pthread_kill, [main, signal.SIGINT]).start()
    parts = cores.count() if cores.count() > 1 or interrupted else 2
    with pytest.raises(KeyboardInterrupt if interrupted else RuntimeError):
        cores.in_parts(part, range(parts))
    assert all(threads == [1] * len(threads) for threads in ended)
    count = len(ended)
    time.sleep(0.6)
    assert len(ended) == count
    assert threads_of_products() != [] and cores.in_parts(abs, [-2]) == [2]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes are not forked")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    cores.in_parts(abs, range(4))
    child = multiprocessing.get_context("fork").Process(target=cores.in_parts, args=(abs, range(4)))
    child.start()
    child.join(20)
    assert child.exitcode == 0


def affinity_of_parts(count):
    """Which cores each of the parts may run on, seen while all of them run."""
    barrier = threading.Barrier(count)

    def look(_):
        barrier.wait(timeout=20)
        return os.sched_getaffinity(0)

    return cores.in_parts(look, range(count))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux can keep a thread on a core")
def test_where_there_is_a_part_for_each_core_each_has_its_own():
    allowed = os.sched_getaffinity(0)
    if len(allowed) != cores.count():
        pytest.skip("NumPy uses another number of cores than the system allows")
    assert sorted(min(own) for own in affinity_of_parts(len(allowed))) == sorted(allowed)
    assert os.sched_getaffinity(0) == allowed
    if len(allowed) > 1:  # fewer parts than cores go where the system likes, also in the threads that had a core of their own
        assert affinity_of_parts(len(allowed) - 1) == [allowed] * (len(allowed) - 1)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux can keep a thread on a core")
def test_a_thread_is_free_again_after_an_error():
    allowed = os.sched_getaffinity(0)
    with pytest.raises(ZeroDivisionError):
        cores.in_parts(lambda n: 1 // n, [0] * len(allowed))
    assert cores.in_parts(lambda _: os.sched_getaffinity(0), range(len(allowed) + 1)) == [allowed] * (len(allowed) + 1)


def test_where_threads_cannot_be_kept_on_a_core_they_run_anywhere(monkeypatch):
    for name in ("sched_getaffinity", "sched_setaffinity"):
        monkeypatch.delattr(os, name, raising=False)
    assert cores.in_parts(abs, [-1, -2]) == [1, 2]


def test_the_family_of_processors_is_that_of_numpys_library():
    families = {library.get("architecture") for library in threadpool_info() if library["user_api"] == "blas"}
    assert cores.family() in families or (not families and cores.family() == "")


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux can keep a thread on a core")
@pytest.mark.parametrize("refused", ["all", "the way back"])
def test_a_system_that_refuses_to_move_threads_stops_nothing(monkeypatch, refused):
    allowed, move = os.sched_getaffinity(0), os.sched_setaffinity

    def refuse(pid, where):
        if refused == "all" or where == allowed:
            raise PermissionError
        move(pid, where)

    with monkeypatch.context() as patch:
        patch.setattr(os, "sched_setaffinity", refuse)
        assert cores.in_parts(abs, [-1] * len(allowed)) == [1] * len(allowed)
    cores.in_parts(abs, [-1] * len(allowed))  # where threads were left on a core, they go back now
    assert all(own == allowed for own in cores.in_parts(lambda _: os.sched_getaffinity(0), range(len(allowed) + 1)))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux can keep a thread on a core")
def test_a_thread_that_somebody_moves_meanwhile_stays_where_it_was_moved():
    allowed, seen = os.sched_getaffinity(0), []
    if len(allowed) < 2:
        pytest.skip("with one core there is nowhere to go")
    first, second = sorted(allowed)[:2]

    def thread():
        cores._part(os.sched_setaffinity, (0, {second}), {first}, allowed)
        seen.append(os.sched_getaffinity(0))

    runner = threading.Thread(target=thread)
    runner.start()
    runner.join()
    assert seen == [{second}]
