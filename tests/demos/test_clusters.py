"""`python -m demos moons` and `blobs`."""

from __future__ import annotations

import re

import pytest

from demos import blobs, moons


def test_moons_draws_its_three_figures(tmp_path, capsys):
    assert moons.main(["--passes", "300", "--out", str(tmp_path)]) == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["moons_activations.png", "moons_depth.png", "moons_hidden_units.png"]
    shares = [float(share) for share in re.findall(r"([\d.]+)%", capsys.readouterr().out)]
    assert len(shares) == 14
    assert max(shares) > 85.0


def test_blobs_are_told_apart_by_a_wide_and_deep_network(tmp_path, capsys):
    assert blobs.main(["--passes", "500", "--out", str(tmp_path)]) == 0
    found = re.search(r"width 5, layers 5 +([\d.]+)%", capsys.readouterr().out)
    assert float(found.group(1)) == 100.0


def test_bad_flags(capsys):
    with pytest.raises(SystemExit) as exit_:
        moons.main(["--passes", "0"])
    assert exit_.value.code == 2
