"""Reader: a tape in words, formulas and steps. `explain` is all that most programs need.

=================  =======================================================
`formula`          a rule, read as a formula
`notation`         formulas as text, LaTeX, MathML
`derivation`       the chain rule, one edge at a time, with every number
`words`            a derivation as plain text
`explanation`      `explain`, which puts these together
=================  =======================================================
"""

from .explanation import Explanation, explain

__all__ = ["Explanation", "explain"]
