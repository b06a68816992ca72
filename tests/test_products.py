"""Products in blocks: the same numbers as in one, whatever the shapes, in blocks that the library counts as small."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musiclab import cores, products
from musiclab.products import Factor, spaced, spacing

SHAPES = {
    "as in a step of an LSTM": (32, 256, 1024),
    "many inner numbers": (32, 2048, 512),
    "rows in several blocks": (256, 513, 2048),
    "two rows": (2, 512, 2048),
    "a single row": (1, 512, 2048),
    "no rows": (0, 512, 2048),
    "rows that nothing divides": (31, 1024, 256),
    "columns that nothing divides": (64, 300, 397),
    "columns that no block of 16 divides": (64, 300, 400 - 25),
    "a small product": (8, 16, 48),
}


@pytest.fixture(autouse=True, scope="module", params=["SkylakeX", "Cooperlake", "Haswell", ""])
def family(request):
    """As on each kind of processor: with loops for small products, without, and where nothing is known."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cores, "family", lambda: request.param)
        products._block.cache_clear()
        yield request.param
    products._block.cache_clear()


def assert_product(rows, inner, columns, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    matrix, a = spaced(inner, columns, dtype), spaced(rows, inner, dtype)
    matrix[:], a[:] = rng.normal(size=matrix.shape), rng.normal(size=a.shape)
    whole = np.full((rows, spacing(columns)), np.nan, dtype)  # what is not written to stays NaN
    Factor(matrix).multiply(a, whole[:, :columns])
    exact, terms = a.astype(float) @ matrix.astype(float), np.abs(a).astype(float) @ np.abs(matrix).astype(float)
    assert (np.abs(whole[:, :columns] - exact) <= inner * np.finfo(dtype).eps * terms).all()
    assert np.isnan(whole[:, columns:]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_product_is_that_of_numpy(shape, dtype):
    assert_product(*shape, dtype=dtype)


@given(rows=st.integers(0, 80), inner=st.integers(1, 700), columns=st.integers(1, 700), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_whatever_the_shape(rows, inner, columns, seed):
    assert_product(rows, inner, columns, seed=seed)


def test_one_factor_serves_any_number_of_rows():
    """As when pieces end one after the other: each number of rows may want other blocks."""
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(257, 1216))
    factor = Factor(matrix)
    for rows in (64, 1, 63, 2, 40, 64, 0, 7):
        a, out = rng.normal(size=(rows, 257)), np.full((rows, 1216), np.nan)
        factor.multiply(a, out)
        assert np.allclose(out, a @ matrix, rtol=0, atol=1e-10)


@given(rows=st.integers(0, 4096), inner=st.integers(1, 4096), columns=st.integers(1, 8192))
@settings(max_examples=300, deadline=None)
def test_blocks_fit_and_are_small(family, rows, inner, columns):
    if (block := products._block(rows, inner, columns)) is None:
        return
    height, width = block
    assert family in ("SkylakeX", "Cooperlake") and rows * inner * columns > 100**3
    assert rows % height == 0 == columns % width and height * inner * width <= 100**3
    assert height >= min(rows, 4) and 16 <= width <= 64


# Measured on one core of an AMD EPYC: see benchmarks/README.md. (rows, inner, columns): (height, width)
CHOSEN = {
    (32, 256, 1024): (32, 64),  # the widest that fills long registers
    (64, 257, 1216): (64, 32),
    (32, 1024, 256): (16, 32),  # 32 columns rather than 32 rows
    (32, 2048, 512): (8, 32),
    (31, 1024, 256): (31, 16),  # 16 columns where nothing else can be had
    (4, 512, 2048): (4, 64),
    (2, 512, 2048): (2, 64),
    (64, 300, 480): (64, 48),  # not 60, which leaves places of a register empty
    (64, 300, 375): (64, 25),
    (31, 2048, 512): None,  # nothing divides 31
    (1, 512, 2048): None,  # a single row has loops of its own
    (8, 100, 1250): None,  # small as it is
    (9, 100, 1250): (9, 50),
}


@pytest.mark.parametrize(("shape", "block"), CHOSEN.items(), ids=str)
def test_the_blocks_are_those_that_were_measured(family, shape, block):
    assert products._block(*shape) == (block if family in ("SkylakeX", "Cooperlake") else None)


def test_each_block_can_be_read_in_one_go(family):
    factor = Factor(np.ones((256, 1024), np.float32))
    factor.multiply(np.ones((32, 256), np.float32), np.empty((32, 1024), np.float32))
    panels = factor._panels.values()
    assert len(panels) == (family in ("SkylakeX", "Cooperlake")) and all(panel.flags.c_contiguous for panel in panels)


@pytest.mark.parametrize(
    ("a", "out"), [((64, 1024), (64, 64)), ((64, 1024), (128, 64)), ((64, 512), (32, 128)), ((64, 512), (64, 32))]
)
def test_shapes_that_do_not_fit_are_refused(a, out):
    with pytest.raises(ValueError, match=r"fit|mismatch"):
        Factor(np.ones((512, 64))).multiply(np.ones(a), np.ones(out))


def test_rows_lie_apart_but_never_a_power_of_two():
    for columns in range(1, 200):
        apart = spacing(columns)
        assert columns <= apart < columns + 32 and apart % 32 == 16
        matrix = spaced(3, columns, np.float32)
        assert matrix.shape == (3, columns) and matrix.strides == (4 * apart, 4) and not matrix.any()
