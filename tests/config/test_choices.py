import yaml

from lrlab.config.choices import choice_of, shipped_folder, targets
from lrlab.config.schema import HOMES, PARTS


def test_every_file_of_a_group_is_a_choice_of_its_class() -> None:
    for group in PARTS:
        files = list((shipped_folder("conf") / group).glob("*.yaml"))
        assert targets(group) == {file.stem: yaml.safe_load(file.read_text())["_target_"] for file in sorted(files)}
        assert len(set(targets(group).values())) == len(files)  # so that a class has one name


def test_every_choice_is_where_records_may_look_for_it() -> None:
    assert all(target.startswith(HOMES[group]) for group in PARTS for target in targets(group).values())


def test_a_class_that_is_no_choice_goes_by_its_path() -> None:
    assert choice_of("optimizer", targets("optimizer")["adamw"]) == "adamw"
    assert choice_of("optimizer", "my_package.Mine") == "my_package.Mine"
    assert choice_of("schedule", targets("optimizer")["adamw"]) == targets("optimizer")["adamw"]
