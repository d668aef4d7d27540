"""Reader: a tape in words, formulas and steps. `explain` is all that most programs need.

=================  =======================================================
`formula`          a rule, read as a formula
`notation`         formulas as text, LaTeX, MathML
`derivation`       the chain rule, one edge at a time, with every number
`words`            a derivation as plain text
`equations`        the same as equations, in whichever notation
`latex`            these as a LaTeX document
`mathml`           these as a piece of a web page
`page`             a derivation as a web page with a stepper
`levels`           the same program at a lower level: fused operations decomposed, arrays as scalars
`parts`            a part of it, or all of it with operations folded
`elements`         one element of an array, as a formula
`bumps`            what a small change of an input does
`layout`           the page's picture of the graph
`explanation`      `explain`, which puts these together
`training`         a model that is to be trained on a page: its programs, its layers
`batches`          a program in JavaScript for any number of examples
`playground`       `play`: the page on which it is trained
=================  =======================================================
"""

from .explanation import Explanation, explain
from .playground import Playground, play

__all__ = ["Explanation", "Playground", "explain", "play"]
