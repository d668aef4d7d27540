"""Which names of PyTorch's courses run as written: ``python -m tests.programs.courses``.

It prints docs/courses.md. The names are those that the courses' code writes on Tensors (`t.…`),
in `torch.…`, in `torch.nn.functional` (`F.…`), and as layers and optimizers (`nn.…`, `optim.…`).
"""

from __future__ import annotations

from collections.abc import Iterator

import autograd_lite.torch as torch
import nn
from autograd_lite import Tensor

COURSES = {
    "makemore, the five lectures": {
        "t": """
            T abs all any argmax backward clone data detach dim dtype exp float grad indices item
            log log10 long max mean ndim nelement numel requires_grad retain_grad shape squeeze
            std storage sum tanh tolist unsqueeze values var view""",
        "torch": """
            Generator all allclose arange cat empty eye float32 histogram int32 linspace long
            manual_seed multinomial no_grad ones ones_like rand randint randn sqrt stack tanh
            tensor unbind var where zeros zeros_like""",
        "F": "cross_entropy one_hot softmax",
    },
    "nanoGPT's model": {
        "t": """
            backward contiguous copy_ device dim item masked_fill numel requires_grad size softmax
            split t transpose view""",
        "torch": "arange cat long multinomial no_grad ones topk tril zeros",
        "F": "cross_entropy gelu layer_norm scaled_dot_product_attention softmax",
        "nn": """
            Dropout Embedding GELU LayerNorm Linear Module ModuleDict ModuleList Parameter
            init.normal_ init.zeros_ utils.clip_grad_norm_""",
        "optim": "AdamW",
    },
    "d2l, chapters 3 to 11": {
        "t": """
            T abs argmax backward bool clone copy_ cpu cumsum data detach device dim exp expand
            fill_ flatten float grad int item long mean norm numel numpy permute pow repeat
            repeat_interleave requires_grad requires_grad_ reshape shape size softmax split sqrt
            squeeze std sub_ sum tanh to transpose type unsqueeze view zero_""",
        "torch": """
            Tensor abs arange bmm cat cos cuda device dot exp eye float32 from_numpy int32 int64
            is_grad_enabled linspace load log long manual_seed matmul max mean mm mv nn no_grad norm
            normal ones ones_like optim outer pow rand randint randn relu repeat_interleave reshape
            save sigmoid sin sort sqrt square squeeze stack sum tanh tensor triu unsqueeze zeros
            zeros_like""",
        "F": "conv2d cross_entropy dropout mse_loss one_hot relu softmax",
        "nn": """
            AdaptiveAvgPool2d AvgPool2d BatchNorm1d BatchNorm2d Conv2d ConvTranspose2d
            CrossEntropyLoss Dropout Embedding Flatten GRU GELU HuberLoss LSTM LayerNorm Linear
            MSELoss MaxPool2d Module ModuleList Parameter RNN ReLU Sequential Sigmoid Softmax Tanh
            init.constant_ init.normal_ init.xavier_uniform_ init.zeros_""",
        "optim": "Adadelta Adagrad Adam RMSprop SGD lr_scheduler.CosineAnnealingLR "
        "lr_scheduler.MultiStepLR",
    },
    "CS231n's assignments": {
        "t": """
            abs argmax backward bmm clamp clone contiguous cpu data detach device exp expand float
            gather grad item log long masked_fill matmul max mean mm norm numel numpy permute
            requires_grad requires_grad_ reshape size shape sigmoid softmax squeeze std sum t to
            transpose tril triu type unsqueeze view zero_""",
        "torch": """
            abs arange argmax bmm cat clamp cos cuda device diagonal empty equal exp eye float32
            float64 from_numpy full linspace log log_softmax long manual_seed matmul max mean mm
            no_grad ones ones_like pow rand randint randn randn_like sigmoid sin softmax sqrt stack
            sum tensor tril where zeros zeros_like""",
        "F": """
            binary_cross_entropy_with_logits conv2d cross_entropy dropout linear log_softmax
            max_pool2d normalize pad relu softmax""",
        "nn": """
            BatchNorm1d BatchNorm2d Conv2d ConvTranspose2d CrossEntropyLoss Dropout Embedding
            Flatten LayerNorm LeakyReLU Linear MaxPool2d Module MultiheadAttention Parameter ReLU
            Sequential Tanh Unflatten init.constant_ init.kaiming_normal_ init.zeros_""",
        "optim": "Adam SGD",
    },
}

OTHERWISE = {
    "std": "divides by n: `t.std(ddof=1)`, `t.std(unbiased=True)` or `torch.std(t)`",
    "var": "divides by n: `t.var(ddof=1)`, `t.var(unbiased=True)` or `torch.var(t)`",
    "max": "`t.max()` runs; along an axis it is the values alone: `torch.max(t, 1)` is the pair",
    "repeat": "repeats each number: `t.tile(2, 1)`",
}
"""Methods that are there with NumPy's meaning, where the courses mean PyTorch's."""

PLACES = {
    "t": Tensor([[1.0]], requires_grad=True),
    "torch": torch,
    "F": nn.functional,
    "nn": nn,
    "optim": nn.optim,
}


NOT_HERE = "not here: [nn.md](nn.md) has the layers and optimizers"


def state(place: str, name: str) -> str:
    """Return "" for what runs as written, or else what to write, in the error's words."""
    if place == "t" and name in OTHERWISE:
        return OTHERWISE[name]
    found = PLACES[place]
    try:
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        return str(error).partition(": ")[2].removesuffix(" (docs/coming_from.md).") or NOT_HERE
    return ""


def names(course: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the names of a course, each with its place."""
    for place, listed in course.items():
        yield from ((place, name) for name in listed.split())


_HEAD = """\
How many of the names that a course's code writes run as written: methods of Tensors, and functions
of `torch` and `torch.nn.functional`; and, beside them, layers, initializers and optimizers. Made by
`python -m tests.programs.courses`; a test keeps it current. What else there is to know is in
[coming_from.md](coming_from.md).

"""


def page() -> Iterator[str]:
    """Yield the lines of docs/courses.md."""
    yield "# The names of PyTorch's courses\n"
    yield from _HEAD.splitlines()
    yield "| course | methods, functions | run as written | layers, optimizers | run as written |"
    yield "|---|---|---|---|---|"
    everything = {
        place: " ".join(sorted({n for c in COURSES.values() for n in c.get(place, "").split()}))
        for place in PLACES
    }
    for title, course in {**COURSES, "all of them": everything}.items():
        cells = []
        for places in (("t", "torch", "F"), ("nn", "optim")):
            listed = [(place, name) for place, name in names(course) if place in places]
            good = sum(not state(*pair) for pair in listed)
            share = f"{good} ({100 * good / len(listed):.1f} %)" if listed else "–"
            cells += [str(len(listed)), share]
        yield f"| {title} | {' | '.join(cells)} |"
    yield "\n## What to write for the others\n"
    yield "| written there | here |"
    yield "|---|---|"
    for place, name in names(everything):
        words = state(place, name)
        if words:
            yield f"| `{place}.{name}` | {words} |"


if __name__ == "__main__":
    print("\n".join(page()))
