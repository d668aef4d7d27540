"""What a checkpoint of a training holds, so that it can go on to the same bits."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from autograd_lite.files import StrPath
from autograd_lite.randomness import generator

from . import checkpoint as checkpoints
from .data import DataLoader
from .history import Callback, State
from .lr_scheduler import LRScheduler


class Resumable:
    """All that the next epoch depends on, and what was measured, as a checkpoint keeps it."""

    def __init__(
        self,
        state: State,
        scheduler: LRScheduler | None,
        callbacks: Iterable[Callback],
        loaders: Iterable[DataLoader | None],
    ) -> None:
        self.state = state
        named = {"model": state.model, "optimizer": state.optimizer, "scheduler": scheduler}
        named |= {f"callback {i} ({type(c).__name__})": c for i, c in enumerate(callbacks)}
        self.parts: dict[str, Any] = {
            name: part for name, part in named.items() if hasattr(part, "state_dict")
        }
        self.generators = {"the default sequence": generator()}
        self.generators |= checkpoints.generators(state.model)
        for name, loader in zip(("training data", "validation data"), loaders, strict=True):
            if loader is not None:
                if loader.rng is not None:
                    self.generators[f"order of the {name}"] = loader.rng
                for path, rng in checkpoints.generators_of_data(loader.dataset):
                    self.generators[f"{name}.{path}"] = rng

    def write(self, path: StrPath) -> None:
        """Write a checkpoint: all of it into one file."""
        checkpoints.write(path, self._taken())

    def load(self, path: StrPath) -> None:
        """Set all of it to what a checkpoint says, or nothing if it does not fit."""
        saved, before = checkpoints.read(path), self._taken()
        try:
            self._set(saved)
        except (ValueError, TypeError, KeyError) as error:
            self._set(before)
            raise ValueError(
                f"The checkpoint {os.fspath(path)} does not fit this training, so nothing was "
                f"loaded: {str(error).rstrip('.')}. Take it away to begin anew."
            ) from None

    def _taken(self) -> dict[str, Any]:
        state = self.state
        return {
            "parts": {name: part.state_dict() for name, part in self.parts.items()},
            "generators": {name: rng.bit_generator.state for name, rng in self.generators.items()},
            "history": dict(vars(state.history)),
            "state": {name: getattr(state, name) for name in _COUNTED},
        }

    def _set(self, saved: Any) -> None:
        own = self._taken()
        if set(saved) != set(own) or set(saved["state"]) != set(own["state"]):
            raise ValueError("it has other parts than a checkpoint of this version")
        for kind in ("parts", "generators"):
            _alike(saved[kind], own[kind])
        _alike(saved["history"]["metrics"], own["history"]["metrics"])
        for name, part in self.parts.items():
            part.load_state_dict(saved["parts"][name])
        for name, rng in self.generators.items():
            rng.bit_generator.state = saved["generators"][name]
        vars(self.state.history).update(saved["history"])
        vars(self.state).update(saved["state"])


_COUNTED = ("epoch", "step", "step_loss", "stop", "best_loss", "best_epoch", "best_weights")


def _alike(saved: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    if set(saved) != set(own):
        raise ValueError(
            f"it has {', '.join(sorted(saved)) or 'nothing'}, and this training has "
            f"{', '.join(sorted(own)) or 'nothing'}"
        )
