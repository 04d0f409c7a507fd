from pathlib import Path

import numpy as np
import pytest

from lrlab.data.arrays import Arrays
from lrlab.data.images import Images
from lrlab.data.own_arrays import TEST, TRAIN, VALIDATION
from lrlab.data.own_data import existing
from lrlab.data.table import Table
from lrlab.errors import InputError


def test_a_relative_path_is_of_the_directory_in_which_it_was_given(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Table(path="t.csv", test_path="../more.csv"), Arrays(path="a.npz"), Images(path="~/photos", test_path=None)
    monkeypatch.chdir("/")
    assert [made[0].path, made[1].path] == [str(own_folder / "t.csv"), str(own_folder / "a.npz")]
    assert str(made[0].test_path) == str(own_folder / "../more.csv")
    assert made[2].path == str(Path.home() / "photos")
    assert {*made, Table(path=str(own_folder / "t.csv"), test_path=f"{own_folder}/../more.csv")} == {*made}


@pytest.mark.parametrize("test", [True, False])
def test_parts_are_fractions_that_the_seed_draws(test: bool) -> None:
    parts = Arrays(test=0.3, validation=0.1).draw_parts(200, test=test)
    assert [int((parts == part).sum()) for part in (TRAIN, VALIDATION, TEST)] == [180 - 60 * test, 20, 60 * test]
    np.testing.assert_array_equal(parts, Arrays(test=0.3, validation=0.1).draw_parts(200, test=test))
    assert (parts != Arrays(test=0.3, validation=0.1, split_seed=1).draw_parts(200, test=test)).any()


def test_what_is_expected_is_said(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    assert existing("data.path", str(tmp_path / "f"), "a file") == tmp_path / "f"
    with pytest.raises(InputError, match=r"^data\.path must be a file, got None: there is no such file$"):
        existing("data.path", None, "a file")
    with pytest.raises(InputError, match=r"that is a file$"):
        existing("data.path", str(tmp_path / "f"), "a folder", folder=True)
