"""Nested lists as bytes and back: bit for bit, and nothing else gets in."""

from __future__ import annotations

import numpy as np
import pytest

from sparsesolve.ir.packing import Unpackable, pack, unpack


def there_and_back(tree):
    return unpack(memoryview(b"".join(pack(tree))))


@pytest.mark.parametrize("size", [0, 1, 2, 31, 32, 33, 1000])
@pytest.mark.parametrize("kind", ["i4", "i8", "f8", "?", "u1", ">i4"])
def test_arrays_come_back_bit_for_bit(kind, size, rng):
    array = (rng.uniform(-100, 100, size) * rng.integers(0, 2, size)).astype(kind)
    other = np.arange(size, dtype=np.int32)
    first, (number, second, _) = there_and_back([array, (7, other, "ü\x00")])
    assert number == 7
    for got, given in ((first, array), (second, other)):
        assert (got.dtype, got.shape, got.tobytes()) == (given.dtype, given.shape, given.tobytes())


def test_shapes_and_strides_of_arrays():
    array = np.arange(24.0).reshape(2, 3, 4)
    for given in (array, array.T, array[:, ::2], array[1:1], np.asfortranarray(array), array[0, 0]):
        [got] = there_and_back([given])
        np.testing.assert_array_equal(got, given)
        assert got.shape == given.shape


def test_numbers_keep_kind_sign_and_size():
    given = [0, -0.0, 1, 1.0, True, None, 2**63, -(2**31), 5e-324, 1.7976931348623157e308, 0.1]
    got = there_and_back(given)
    assert [(type(v), repr(v)) for v in got] == [(type(v), repr(v)) for v in given]
    assert np.isnan(there_and_back([np.nan])[0])
    assert there_and_back([np.inf, -np.inf]) == [np.inf, -np.inf]
    assert there_and_back([np.int32(3), np.float64(0.1)]) == [3, 0.1]


def test_an_array_that_occurs_twice_is_written_once():
    array = np.arange(1000.0)
    first, second = there_and_back([array, array])
    assert first.base is second.base or np.shares_memory(first, second)
    assert sum(map(len, pack([array, array]))) < 8200


def test_what_is_read_cannot_be_written_to():
    [array] = there_and_back([np.arange(3)])
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


@pytest.mark.parametrize(
    "thing",
    [object(), np.array([object()]), np.array(["a"]), np.array([1j]), len, {1}, 1j],
    ids=lambda thing: type(thing).__name__,
)
def test_nothing_else_is_packed(thing):
    with pytest.raises(Unpackable):
        pack([thing])
