"""Every figure of the report, in its order, with a caption that says what to see in it.

An exhibit is a function of the study that returns a figure, a caption, and a text for those
who cannot see the picture. The numbers in a caption are computed from what the figure shows.
An exhibit whose experiments have not been run is a gap, and the report says so.
"""

from . import learning, settings, networks  # isort: skip  (in the report's order)
from .results import EXHIBITS, OWN, Exhibit, Share, Study, configuration, number, percent

__all__ = ["EXHIBITS", "OWN", "Exhibit", "Share", "Study", "configuration", "number", "percent"]
__all__ += ["learning", "networks", "settings"]
