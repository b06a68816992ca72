"""The interactive pieces of the lessons, one module each. They use the rest of the package; nothing uses them.

A widget keeps its state in Python, so that what it does can be driven and tested without a browser, and it has a
text that stands for it where widgets do not run.
"""
