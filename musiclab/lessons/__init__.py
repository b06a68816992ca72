"""The exercises of the lessons: one module a lesson, ``lesson_05.py`` for lesson 05.

Each module defines ``EXERCISES``, a list of `musiclab.exercises.Exercise`. How to write one stands at the
top of `musiclab.exercises`. The modules are found by name when an exercise is first asked for.
"""
