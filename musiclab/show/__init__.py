"""show: everything that a lesson puts before your eyes.

Each function returns a `Picture`. As the last line of a cell it shows itself: the image, and the same in words for
those who do not see it. ``picture.text`` holds the words, ``picture.axes`` the matplotlib axes to draw more upon.

==================  =====================================================
`piano_roll`        the notes of a score (or of two) against bars
`curves`            the loss of a training, epoch by epoch, with baselines
`probabilities`     what a model thinks will come next
`describe`          a score in one sentence
==================  =====================================================
"""

from musiclab.show.picture import Picture, describe
from musiclab.show.plots import curves, probabilities
from musiclab.show.roll import piano_roll

__all__ = ["Picture", "curves", "describe", "piano_roll", "probabilities"]
