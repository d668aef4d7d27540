"""A run that was saved and loaded, at any step, goes on to the same bits."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

import nn
from autograd_lite import Tensor
from autograd_lite.randomness import generator
from nn import checkpoint
from nn.optim import lr_scheduler


class Halving(lr_scheduler.LRScheduler):
    """A scheduler of a user's, by a formula of the epoch, with a list and a function in it."""

    def __init__(self, optimizer):
        self.seen, self.height = [], lambda epoch: 0.5**epoch
        super().__init__(optimizer)

    def rate(self, base, epoch):
        self.seen.append(epoch)
        return base * self.height(len(self.seen) // 3)


def sequential(library, optimizer):
    warm_up = library.LinearLR(optimizer, 0.1, total_iters=4)
    then = library.CosineAnnealingLR(optimizer, 5), library.ExponentialLR(optimizer, 0.7)
    return library.SequentialLR(optimizer, [warm_up, *then], milestones=[4, 11])


SCHEDULERS = {
    "step": lambda library, o: library.StepLR(o, 3, 0.5),
    "exponential": lambda library, o: library.ExponentialLR(o, 0.9),
    "cosine": lambda library, o: library.CosineAnnealingLR(o, 4, 0.01),
    "cosine of 1": lambda library, o: library.CosineAnnealingLR(o, 1),
    "linear": lambda library, o: library.LinearLR(o, 0.2, total_iters=6),
    "linear down": lambda library, o: library.LinearLR(o, 1.0, 0.0, total_iters=9),
    "sequential": sequential,
    "plateau": lambda library, o: library.ReduceLROnPlateau(
        o, patience=1, factor=0.5, cooldown=1, min_lr=[0.01, 0.0]
    ),
}
PAIRS = list(itertools.product(SCHEDULERS, repeat=2))
MEASURED = np.random.default_rng(3).uniform(1.0, 2.0, 60)


def step(scheduler, measured):
    if type(scheduler).__name__ == "ReduceLROnPlateau":
        scheduler.step(measured)
    else:
        scheduler.step()


def optimizer_of(library, tensor, **settings):
    groups = [{"lr": 0.3}, {"lr": 0.02}]
    return library.SGD([{"params": [tensor()], **group, **settings} for group in groups])


@pytest.mark.filterwarnings("ignore:Detected call")
@pytest.mark.parametrize("names", PAIRS, ids=" and ".join)
def test_a_pair_of_schedulers_is_pytorchs_step_by_step(torch, names):
    """They take turns by chance, and sometimes the rates are set by hand."""
    rng = np.random.default_rng(len(names[0]) + len(names[1]))
    ours = optimizer_of(nn.optim, lambda: Tensor(1.0, requires_grad=True))
    theirs = optimizer_of(torch.optim, lambda: torch.ones(1, requires_grad=True))
    pairs = [
        (SCHEDULERS[name](lr_scheduler, ours), SCHEDULERS[name](torch.optim.lr_scheduler, theirs))
        for name in names
    ]
    for measured in MEASURED:
        action = rng.choice(5, p=[0.4, 0.4, 0.1, 0.05, 0.05])
        if action < 2:
            for scheduler in pairs[action]:
                step(scheduler, measured)
        for optimizer in (ours, theirs):
            if action == 2:
                optimizer.param_groups[0]["lr"] = measured
            elif action == 3:
                optimizer.param_groups[1]["lr"] *= 0.5
        rates = [group["lr"] for group in theirs.param_groups]
        assert [group["lr"] for group in ours.param_groups] == pytest.approx(rates, 1e-14, 1e-17)
        for a, b in pairs:
            assert a.get_last_lr() == pytest.approx(b.get_last_lr(), 1e-14, 1e-17)


def on_disk(state):
    """Return a state as a checkpoint gives it back."""
    arrays: dict = {}
    text = json.dumps(checkpoint._without_arrays(state, "", arrays))
    return checkpoint._with_arrays(json.loads(text), arrays)


MAKE = {**SCHEDULERS, "a user's": lambda library, o: Halving(o)}
ORDERS = [
    order
    for order in itertools.permutations(("A", "B", "load", "load A", "load B"))
    if order.index("A") < order.index("load A") and order.index("B") < order.index("load B")
]


@pytest.mark.parametrize(
    "names", [*PAIRS, ("a user's", "linear"), ("linear", "a user's")], ids=" and ".join
)
def test_schedulers_go_on_from_any_step_in_whatever_order_they_are_made_and_loaded(names):
    def begin(order, saved=None):
        optimizer = optimizer_of(nn.optim, lambda: Tensor(1.0, requires_grad=True))
        made = {"": optimizer}
        for what in order:
            if what in ("A", "B"):
                made[what] = MAKE[names["AB".index(what)]](lr_scheduler, optimizer)
            else:
                made[what[5:]].load_state_dict(on_disk(saved[what[5:]]))
        return made

    def go_on(made, epochs):
        rates = []
        for epoch in epochs:
            if epoch == 7:
                made[""].param_groups[0]["lr"] = 0.123  # by hand
            step(made["A"], MEASURED[epoch])
            if epoch % 2:
                step(made["B"], MEASURED[epoch])
            rates.append([group["lr"] for group in made[""].param_groups])
        return rates

    made = begin(["A", "B"])
    states, rates = [], []
    for epoch in range(16):
        states.append({name: part.state_dict() for name, part in made.items()})
        rates += go_on(made, [epoch])
    for i, order in enumerate(ORDERS):
        for epoch in (0, i % 15 + 1):
            again = begin(order, states[epoch])
            current = [group["lr"] for group in again[""].param_groups]
            assert current == states[epoch]["A"]["rates"], order
            assert go_on(again, range(epoch, 16)) == rates[epoch:], order


def test_a_rate_set_by_hand_after_loading_stays():
    optimizer = optimizer_of(nn.optim, lambda: Tensor(1.0, requires_grad=True))
    scheduler = SCHEDULERS["linear"](lr_scheduler, optimizer)
    saved = optimizer.state_dict(), scheduler.state_dict()
    optimizer.load_state_dict(saved[0])
    optimizer.lr = 0.7
    scheduler.load_state_dict(saved[1])
    assert optimizer.lr == 0.7


OPTIMIZERS = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    "Adagrad": {"lr": 0.1, "lr_decay": 0.1},
    "RMSprop": {"momentum": 0.5, "centered": True},
    "Adam": {"amsgrad": True, "weight_decay": 0.1},
    "AdamW": {},
}


class Noisy(nn.Dataset):
    """Examples with noise from the default sequence."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return np.array([index, generator().random()], np.float32), np.array([index % 2.0])


@pytest.mark.parametrize(("name", "settings"), OPTIMIZERS.items(), ids=OPTIMIZERS)
@pytest.mark.parametrize("own", [True, False], ids=["own generators", "default sequence"])
def test_a_training_goes_on_from_any_step(name, settings, own):
    """A user's own loop: saved after each batch, in the middle of epochs and at their ends."""

    def begin():
        model = nn.Sequential(
            nn.Linear(2, 4, dtype=np.float32), nn.BatchNorm1d(4, dtype=np.float32),
            nn.Dropout(0.3, rng=8 if own else None), nn.Linear(4, 1, dtype=np.float32),
        )  # fmt: skip
        optimizer = getattr(nn.optim, name)(model.parameters(), **settings)
        scheduler = sequential(lr_scheduler, optimizer)
        loader = nn.DataLoader(Noisy(), 2, shuffle=True, rng=9 if own else None)
        return {"model": model, "optimizer": optimizer, "scheduler": scheduler, "loader": loader}

    def train(parts, epochs):
        model, optimizer, scheduler, loader = parts.values()
        for epoch in epochs:
            for x, y in loader:
                optimizer.zero_grad()
                nn.MSELoss()(model(x), y).backward()
                optimizer.step()
                scheduler.step()
                state = {name: part.state_dict() for name, part in parts.items()}
                if own:
                    state["drop"] = dict(model[2].rng.bit_generator.state)
                yield epoch, {**state, "default": nn.get_rng_state()}

    nn.manual_seed(4)
    steps = list(train(begin(), range(3)))
    assert len(steps) == 12
    for k, (epoch, saved) in enumerate(steps):
        nn.manual_seed(77)
        parts, saved = begin(), on_disk(saved)
        for part in ("scheduler", "loader", "optimizer", "model"):
            parts[part].load_state_dict(saved[part])
        if own:
            parts["model"][2].rng.bit_generator.state = saved["drop"]
        nn.set_rng_state(saved["default"])
        rest = list(itertools.islice(train(parts, range(epoch, 3)), 4))
        assert repr(rest) == repr(steps[k + 1 : k + 5])
        assert not rest or rest[-1][1]["model"]["0.weight"].dtype == np.float32


def test_a_loaders_state_that_does_not_fit_is_refused():
    loader = nn.DataLoader((np.arange(4),), shuffle=True, rng=0)
    for batch in loader:
        saved = loader.state_dict()
        assert len(batch) == 1
        break
    before = loader.state_dict()
    for other in (nn.DataLoader((np.arange(4),)), nn.DataLoader((np.arange(5),), rng=0)):
        with pytest.raises(ValueError, match="nothing was loaded"):
            other.load_state_dict(saved)
    with pytest.raises(ValueError, match="nothing was loaded"):
        loader.load_state_dict({**saved, "rng": None})
    assert repr(loader.state_dict()) == repr(before)
    both = [list(pair) for pair in zip(loader, loader, strict=True)]  # neither is the other's
    assert len(both) == 4
