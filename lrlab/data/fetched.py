"""The configuration that all fetched data sets share."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import doc

from lrlab.data import cache
from lrlab.data.dataset import Dataset, Images, as_rows
from lrlab.data.spec import DatasetSpec
from lrlab.data.split import Split, SplitSeed, TrainSize, ValidationSize
from lrlab.data.standardize import Moments


@dataclass(frozen=True)
class FetchedDataset:
    """Images that `lrlab data fetch` brought, mapped into memory: all processes on a machine share one copy.

    Args:
        root: the folder of all data sets; None: see `cache.folder_of`.
        validation: images kept for validation.
        split_seed: which ones.
        train_size: images to learn from; None: all others.
    """

    spec: ClassVar[DatasetSpec]

    root: Annotated[str, doc("null or the path of a folder")] | None = None
    validation: ValidationSize = 5000
    split_seed: SplitSeed = 0
    train_size: TrainSize = None

    def split(self) -> Split:
        return Split(self.spec.train_images, self.validation, self.split_seed, self.train_size)

    def verify(self) -> None:
        """Refuse what was altered since it was fetched: once, before the first trial."""
        cache.verify(self.spec, self.root)

    def load(self) -> Dataset:
        """Return the data set.

        Raises:
            InputError: not fetched, or a file is missing or truncated. The content is for `verify` to check.
        """
        folder, manifest = cache.open_verified(self.spec, self.root)
        x, y, x_test, y_test = (np.load(folder / name, mmap_mode="r", allow_pickle=False) for name in cache.ARRAYS)
        train, validation = self.split().rows()

        def load_raw_images() -> Images:
            learn, test = self.spec.decode(folder)
            return as_rows(learn.pixels), as_rows(test.pixels)

        return Dataset(
            name=self.spec.name,
            x=x,
            y=y.astype(np.intp),
            train=train,
            validation=validation,
            x_test=x_test,
            y_test=y_test.astype(np.intp),
            classes=self.spec.classes,
            image_shape=self.spec.image_shape,
            moments=lambda: Moments.of(self.spec.decode(folder)[0].pixels),
            load_raw_images=load_raw_images,
            files_digest=manifest.arrays_digest,
        )
