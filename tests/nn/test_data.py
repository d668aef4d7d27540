from __future__ import annotations

import gzip
import io
import struct
import tracemalloc

import numpy as np
import pytest

import nn
from nn import data
from nn.data import DataLoader, Dataset, TensorDataset, random_split


class Squares(Dataset):
    def __len__(self):
        return 7

    def __getitem__(self, index):
        return np.full(2, float(index)), index**2


def test_a_loader_goes_through_all_in_batches():
    for dataset in (
        Squares(),
        TensorDataset(np.repeat(np.arange(7.0), 2).reshape(7, 2), np.arange(7) ** 2),
    ):
        loader = DataLoader(dataset, batch_size=3)
        batches = list(loader)
        assert len(loader) == len(batches) == 3
        assert [x.shape for x, _ in batches] == [(3, 2), (3, 2), (1, 2)]
        assert np.concatenate([y for _, y in batches]).tolist() == [i**2 for i in range(7)]
        assert batches[0][0].dtype == np.float64


def test_shuffling_is_seeded_and_another_each_time():
    def orders(rng, times=2):
        loader = DataLoader((np.arange(20),), 6, shuffle=True, rng=rng)
        return [np.concatenate([x for (x,) in loader]).tolist() for _ in range(times)]

    first, second = orders(3)
    assert sorted(first) == list(range(20))
    assert first != second
    assert orders(3) == [first, second]
    assert orders(4) != [first, second]


def test_the_last_batch_can_be_dropped():
    loader = DataLoader((np.arange(7),), 3, drop_last=True)
    assert len(loader) == len(list(loader)) == 2
    assert len(list(DataLoader((np.arange(2),), 3, drop_last=True))) == 0


def test_a_split_has_every_example_once():
    parts = random_split(Squares(), [4, 3], rng=1)
    assert [len(part) for part in parts] == [4, 3]
    found = [y for part in parts for _, y in (part[i] for i in range(len(part)))]
    assert sorted(found) == [i**2 for i in range(7)]
    assert [len(part) for part in random_split(Squares(), [0.5, 0.3, 0.2])] == [4, 2, 1]
    x, _ = parts[1].batch(np.array([0, 2]))
    assert np.array_equal(x[1], parts[1][2][0])
    for lengths in ([4, 4], [0.5, 0.4], [8, -1]):
        with pytest.raises(ValueError, match="length"):
            random_split(Squares(), lengths)


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="batch_size"):
        DataLoader(Squares(), 0)
    for arrays in ((), (np.zeros(2), np.zeros(3)), (1.0,)):
        with pytest.raises(ValueError, match="one length"):
            TensorDataset(*arrays)


def test_every_class_has_its_share():
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    rest, held_out = data.stratified_split(labels, 0.2, rng=3)
    assert np.array_equal(np.sort(np.concatenate([rest, held_out])), np.arange(100))
    assert np.bincount(labels[held_out]).tolist() == [10, 6, 4]
    assert not np.array_equal(held_out, data.stratified_split(labels, 0.2, rng=4)[1])


def test_scikit_learns_data_hang_on_the_seed_alone():
    for make in (data.moons, data.blobs):
        (x, y), (again, _), (other, _) = make(rng=1), make(rng=1), make(rng=2)
        assert x.shape == (200, 2)
        assert np.bincount(y).tolist() == [100, 100]
        assert np.array_equal(x, again)
        assert not np.array_equal(x, other)
    images, labels = data.digits(np.float32)
    assert images.dtype == np.float32
    assert (images.min(), images.max()) == (0.0, 1.0)
    assert np.bincount(labels).min() > 170


# -- IDX files ------------------------------------------------------------------------------


def idx(array, code=8):
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.tobytes()


@pytest.mark.parametrize(
    ("code", "kind"), [(8, "u1"), (9, "i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")]
)
def test_every_type_of_idx_is_read(tmp_path, code, kind):
    array = (np.arange(24).reshape(2, 3, 4) - 3).astype(kind)
    for name, content in (("a", idx(array, code)), ("b.gz", gzip.compress(idx(array, code)))):
        (tmp_path / name).write_bytes(content)
        read = data.read_idx(tmp_path / name)
        assert np.array_equal(read, array)
        assert read.dtype == np.dtype(kind).newbyteorder("=")


GOOD = idx(np.arange(6, dtype="u1").reshape(2, 3))
PACKED = gzip.compress(GOOD, mtime=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no IDX file.*none"),
        (b"\x89PNG....", "no IDX file.*89 50 4e 47"),
        (b"\0\0\x07\x01" + GOOD[4:], "no IDX file"),
        (GOOD[:6], "before the sizes"),
        (GOOD[:-1], r"cut off: for 2 × 3 .* 18 bytes, and it has 17"),
        (GOOD + b"\0", "too long"),
        (b"\0\0\x08\x02" + struct.pack(">2I", 2**32 - 1, 2**32 - 1), "cut off"),
        (gzip.compress(GOOD, mtime=0)[:-4], "damaged gzip"),
        (
            gzip.compress(GOOD, mtime=0)[:12] + b"zzzz" + gzip.compress(GOOD, mtime=0)[16:],
            "damaged gzip",
        ),
    ],
    ids=range(9),
)
def test_damaged_idx_files_are_refused(tmp_path, content, message):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        data.read_idx(tmp_path / "file")


def test_an_idx_file_is_no_larger_than_it_says(tmp_path):
    """Gigabytes of zeros pack into little; and a header may announce more than there is memory."""
    path = tmp_path / "file"
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
        file.write(GOOD)
        for _ in range(64):
            file.write(bytes(2**20))
    huge = b"\0\0\x0e\x04" + struct.pack(">4I", *[2**32 - 1] * 4)
    for content, said in ((packed.getvalue(), "too long.*more"), (huge, "cut off"),
                          (gzip.compress(huge), "cut off"),
                          (b"\0\0\x08\x41" + struct.pack(">65I", *[1] * 65) + b"1", "65 axes"),
                          (b"\0\0\x08\xff" + bytes(4 * 255), "255 axes")):  # fmt: skip
        path.write_bytes(content)
        tracemalloc.start()
        with pytest.raises(ValueError, match=said):
            data.read_idx(path)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 8 * 2**20
    path.write_bytes(b"\0\0\x08\x40" + struct.pack(">64I", *[1] * 64) + b"1")
    assert data.read_idx(path).ndim == 64


def mnist(folder, images=5, labels=5, rows=4):
    rng = np.random.default_rng(0)
    for part in ("train", "t10k"):
        pixels = rng.integers(0, 256, (images, rows, rows)).astype("u1")
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pixels)))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(labels, dtype="u1")))
    return pixels


def test_mnist_is_read_from_a_folder(tmp_path):
    pixels = mnist(tmp_path)
    images, labels = data.read_mnist(tmp_path, train=False).arrays
    assert images.shape == (5, 1, 4, 4)
    assert images.dtype == np.float32
    np.testing.assert_allclose(images[:, 0] * 255, pixels, rtol=1e-6)
    assert labels.tolist() == [0, 1, 2, 3, 4]


def test_files_of_mnist_that_are_missing_or_mislabelled(tmp_path):
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte"):
        data.read_mnist(tmp_path)
    mnist(tmp_path, labels=4)
    with pytest.raises(ValueError, match=r"5 images and .* 4 labels"):
        data.read_mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros((5, 4, 4), "u1")))
    with pytest.raises(ValueError, match=r"train-labels.*1 axes of bytes, and has 3"):
        data.read_mnist(tmp_path)


# -- as PyTorch's loader takes them ---------------------------------------------------------------


def test_a_sampler_says_the_order_and_how_many():
    data, order = nn.TensorDataset(np.arange(6) * 10), [5, 0, 0, 3, 2]
    loader = nn.DataLoader(data, 2, sampler=order)
    assert [b.tolist() for (b,) in loader] == [[50, 0], [0, 30], [20]]
    assert (len(loader), loader.examples) == (3, 5)
    short = nn.DataLoader(data, 2, sampler=order, drop_last=True)
    assert (len(list(short)), len(short), short.examples) == (2, 2, 4)
    half_way = iter(loader)
    next(half_way)
    again = nn.DataLoader(data, 2, sampler=order)
    again.load_state_dict(loader.state_dict())
    assert [b.tolist() for (b,) in again] == [[0, 30], [20]]
    with pytest.raises(ValueError, match="not both"):
        nn.DataLoader(data, sampler=order, shuffle=True)
    with pytest.raises(TypeError, match="has no length"):
        len(nn.DataLoader(data, sampler=iter(order)))


def test_a_mean_over_an_epoch_counts_what_the_sampler_takes():
    x = np.arange(6.0).reshape(-1, 1)
    model = nn.Linear(1, 1, bias=False, rng=0)
    loader = nn.DataLoader((x, x), 2, sampler=[1, 1, 4])
    history = nn.fit(
        model, nn.MSELoss(), nn.optim.SGD(model.parameters(), 0.0), loader, epochs=1,
        progress=False,
    )  # fmt: skip
    w = model.weight.data.item()
    expected = np.mean([(w * v - v) ** 2 for v in (1.0, 1.0, 4.0)])
    assert history.losses[0] == pytest.approx(expected)


def test_batches_of_any_examples(torch):
    examples = [(np.ones(2) * i, i, {"name": f"n{i}", "x": float(i)}) for i in range(5)]
    ours = list(nn.DataLoader(examples, 2))
    theirs = list(torch.utils.data.DataLoader(examples, 2))
    assert len(ours) == len(theirs) == 3
    for mine, reference in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine[0], reference[0])
        np.testing.assert_array_equal(mine[1], reference[1])
        assert mine[2]["name"] == reference[2]["name"]
        np.testing.assert_array_equal(mine[2]["x"], reference[2]["x"])
    lengths = [np.arange(n) for n in (1, 3, 2)]
    with pytest.raises(ValueError, match=r"several shapes .* collate_fn"):
        list(nn.DataLoader(lengths, 3))
    (padded,) = nn.DataLoader(lengths, 3, collate_fn=lambda rows: [len(row) for row in rows])
    assert padded == [1, 3, 2]
    with pytest.raises(TypeError, match="collate_fn is a function"):
        nn.DataLoader(examples, collate_fn=3)
    with pytest.warns(UserWarning, match="num_workers=4 is accepted, and one process"):
        nn.DataLoader(examples, num_workers=4)
