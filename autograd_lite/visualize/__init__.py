"""Reader: pictures of a tape. `draw` is all that most programs need.

=================  =======================================================
`graph`            the tape as plain values and operations
`gradients`        the gradient of each of them
`text`             numbers and parameters, in few words
`scene`            the boxes and arrows of a picture
`boxes`, `labels`  what stands in a box, whole and in short
`dot`              the scene as DOT
`digraph`          how DOT is written where the package graphviz is not there
`tikz`, `mermaid`  the same in these languages, with the lines of `plain`
`slide`            a graph that fills a slide
`web`              a page on which modules and repetitions open and close
`heat`             the size of a gradient as a colour
`closing`          frames that close in an SVG
`render`           DOT as SVG, PDF or PNG
`schema`           the graph as JSON
`palette`          what each colour means, and the colours
`network`          a model as circles and lines
`part`             the inside of a module, what led to a value, as much as fits
`fold`             modules and repetitions in one box each
`notebook`         text, and a picture where one is made soon
`drawing`          `draw`, which puts these together
`comparison`       `compare`, two graphs in one
=================  =======================================================
"""

from .comparison import compare
from .drawing import Drawing, draw

__all__ = ["Drawing", "compare", "draw"]
