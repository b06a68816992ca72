"""What the widgets share: words that stand for a widget where widgets do not run."""

from __future__ import annotations

from typing import Any

from ipywidgets import VBox

__all__ = ["Described"]


class Described(VBox):
    """A box of widgets that says in words what it shows.

    Attributes
    ----------
    text : str
        The widget in words. It is what a printed page or an export shows, and what the notebook tests compare.
    """

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Show the widget, or the whole text where there are none (ipywidgets would cut it short)."""
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": self.text}
