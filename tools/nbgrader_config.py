"""Settings for nbgrader: copy this file into your nbgrader course folder, beside ``source``.

Put the course's notebooks into ``source``, say ``source/lesson05/05_preprocessing.ipynb``; then
``nbgrader generate_assignment lesson05``, ``collect``, ``autograde lesson05`` work as they do for notebooks of your own.
In every lesson the answers and the checks of the exercises are marked already: a right answer gives one point. While nbgrader
grades or validates, a wrong answer, or none, raises an error after the check has said what is wrong; that is what it looks for.

The kernel named python3 must be one that has the course installed (``make environment``, or ``pip install -e .``).
"""

c = get_config()  # noqa: F821  (nbgrader gives it)

# The answers in the lessons are stubs already. nbgrader would replace each by a `raise NotImplementedError()`, which would
# take away the argument names and what the function is for.
c.ClearSolutions.enabled = False

# A lesson takes a minute or so, a cell of it seldom more than half of that.
c.Execute.timeout = 600
