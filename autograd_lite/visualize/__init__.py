"""Reader: pictures of a tape. `draw` is all that most programs need.

=================  =======================================================
`graph`            the tape as plain values and operations
`gradients`        the gradient of each of them
`text`             numbers and parameters, in few words
`dot`              the graph as DOT
`render`           DOT as SVG, PDF or PNG
`schema`           the graph as JSON
`palette`          what each colour means, and the colours
`network`          a model as circles and lines
`part`             the inside of a module, what led to a value, as much as fits
`fold`             modules and repetitions in one box each
`notebook`         text, and a picture where one is made soon
`drawing`          `draw`, which puts these together
=================  =======================================================
"""

from .drawing import Drawing, draw

__all__ = ["Drawing", "draw"]
