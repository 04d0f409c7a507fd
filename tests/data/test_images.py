from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lrlab.data.dataset import Dataset
from lrlab.data.images import Images
from lrlab.errors import InputError

pytestmark = pytest.mark.usefixtures("own_folder")
SHAPE = 5, 6, 3


def write(root: str = "photos", count: int = 10, classes: tuple[str, ...] = ("ant", "bee")) -> dict[str, np.ndarray]:
    """Folders of lossless images; return their pixels, by path."""
    rng, pixels = np.random.default_rng(0), {}
    for name in classes:
        Path(root, name).mkdir(parents=True)
        for i in range(count):
            path = f"{root}/{name}/{i}.{('png', 'bmp')[i % 2]}"
            pixels[path] = rng.integers(0, 256, SHAPE, np.uint8)
            Image.fromarray(pixels[path]).save(path)
    return pixels


def load(**settings: Any) -> Dataset:
    return Images(**{"path": "photos"} | settings).load()


def test_images_are_standardized_channel_by_channel() -> None:
    pixels = write()
    data = load()
    assert (data.name, data.classes, data.image_shape) == ("photos", ("ant", "bee"), SHAPE)
    assert [len(each) for each in (data.train, data.validation, data.y_test)] == [12, 4, 4]
    learned = data.x[data.train].reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(learned.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(learned.std(0), 1, atol=1e-6)
    mean, std = data.standardization()
    back = np.rint(np.vstack([data.x, data.x_test]) * std + mean).astype(np.uint8)
    assert {row.tobytes() for row in back} == {each.tobytes() for each in pixels.values()}
    of_class = {each.tobytes(): "ant" in path for path, each in pixels.items()}
    assert [of_class[row.tobytes()] for row in back] == [y == 0 for y in (*data.y, *data.y_test)]
    assert (data.example.shape, data.example.dtype) == ((1, *SHAPE), np.uint8)


def test_images_are_resized_and_made_grey_when_it_is_asked_for() -> None:
    write()
    Image.new("L", (40, 30)).save("photos/ant/other.png")
    with pytest.raises(
        InputError, match=r"other\.png is 30 x 40, those before are 5 x 6: data\.size=\[5,6\] resizes them"
    ):
        load()
    assert load(size=[4, 3]).image_shape == (4, 3, 3)
    assert load(size=[4, 3], color=False).image_shape == (4, 3, 1)
    with pytest.raises(InputError, match=r"data\.size must be \[height, width\], got \[4\]"):
        load(size=[4])


def test_a_folder_of_its_own_for_the_test() -> None:
    write()
    write("other", 3, ("bee",))
    data = load(test_path="other")
    assert [len(each) for each in (data.train, data.validation, data.y_test)] == [16, 4, 3]
    np.testing.assert_array_equal(data.y_test, [1, 1, 1])
    write("unknown", 3, ("wasp",))
    with pytest.raises(InputError, match=r"data\.test_path must have the classes of data\.path, .* has 'wasp' besides"):
        load(test_path="unknown")


def test_the_same_images_of_the_test_and_of_the_rest_are_not_the_same_data() -> None:
    write("one", 6)
    write("two", 6)
    for name in ("ant", "bee"):  # of two/, the last two images of each class are in a folder of their own
        Path("tests", name).mkdir(parents=True)
        for file in sorted(Path("two", name).iterdir())[-2:]:
            file.rename(Path("tests", name, file.name))
    data = Images(path="one").load(), Images(path="two", test_path="tests").load(), Images(path="two").load()
    assert len({each.digest for each in data}) == 3
    assert [len(each.y) + len(each.y_test) for each in data] == [12, 12, 8]


def test_an_image_is_turned_upright() -> None:
    write()
    turned = Image.Exif()
    turned[0x0112] = 6  # Exif's orientation: turn it clockwise
    for name in ("ant", "bee"):
        for file in Path("photos", name).iterdir():
            image = Image.open(file)
            image.transpose(Image.Transpose.ROTATE_90).save(file.with_suffix(".png"), exif=turned)
            if file.suffix == ".bmp":
                file.unlink()
    assert load().image_shape == SHAPE


def save(path: str, mode: str = "RGB", size: tuple[int, int] = (6, 5), **options: Any) -> None:
    Image.new(mode, size).save(path, **options)


def two_frames() -> None:
    frames = [Image.new("L", (6, 5), level) for level in (0, 200)]
    frames[0].save("photos/ant/x.gif", save_all=True, append_images=frames[1:])


WRONG: list[tuple[Callable[[], object], str]] = [
    (lambda: Path("photos/ant/x.png").write_bytes(b""), r"ant/x\.png cannot be read: "),
    (lambda: Path("photos/ant/notes.txt").write_text("ant"), r"ant/notes\.txt cannot be read: "),
    (lambda: Path("photos/ant/0.png").write_bytes(Path("photos/ant/0.png").read_bytes()[:90]), r"ant/0\.png cannot"),
    (lambda: save("photos/ant/x.png", "I;16"), r"x\.png has more than 8 bits \(mode I"),
    (lambda: save("photos/ant/x.tif", "F"), r"x\.tif has more than 8 bits \(mode F\)"),
    (lambda: save("photos/ant/x.png", "RGBA"), r"x\.png is transparent"),
    (lambda: save("photos/ant/x.eps"), r"x\.eps cannot be read"),
    (two_frames, r"x\.gif has 2 frames"),
    (lambda: Path("photos/none").mkdir(), r"have images of each class, there are none in .*photos/none"),
    (lambda: Path("photos/ant/inner").mkdir(), r"photos/ant/inner is a folder in a class"),
    (lambda: save("photos/x.png"), r"photos/x\.png is in none"),
    (lambda: write(count=1, classes=("one",)), "has one of 'one'"),
]


@pytest.mark.parametrize(("spoil", "said"), WRONG, ids=[row[1][:40] for row in WRONG])
def test_what_cannot_be_used_is_refused_in_one_line(spoil: Callable[[], object], said: str, tmp_path: Path) -> None:
    write()
    spoil()
    with pytest.raises(InputError, match=rf"^data\.path must .*{said}") as refusal:
        load()
    assert "\n" not in str(refusal.value)
    assert not [*tmp_path.glob("cache/own/*"), *tmp_path.glob("cache/own/.*")]


def test_hidden_files_and_what_lies_beside_the_classes_is_passed_over() -> None:
    write()
    before = load().digest
    for path in (".DS_Store", "ant/.DS_Store", "LICENSE.txt"):
        Path("photos", path).write_bytes(b"x")
    save("photos/bee/opaque.png", "L")
    Path("photos/bee/opaque.png").unlink()
    assert load().digest == before


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nosuch", "there is no such folder"),
        ("file", "that is a file"),
        ("empty", "there is none in"),
        (None, "got None"),
    ],
)
def test_a_folder_without_classes_is_refused(path: str | None, said: str) -> None:
    Path("empty").mkdir()
    Path("file").write_text("")
    with pytest.raises(InputError, match=rf"^data\.path must (be|have) a folder .*{said}"):
        load(path=path)
