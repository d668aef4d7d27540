"""Four lab reports and the hand-out, run again over many random initialisations.

`configuration` says what one cell of an experiment is, `experiments` lists all
that the sources did, `training` trains many seeds of a cell as one network,
`store` keeps what came out, and `scheduler` hands the work to the cores of this
machine or to a cluster.
"""
