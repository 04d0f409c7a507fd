import pytest

from lrlab.errors import InputError
from lrlab.scaling_law.roles import Role, guess, guess_accuracy, is_maximized


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ["optimizer.lr", "data.bs", "seed", "val/loss", "depth"],
            {"lr": "optimizer.lr", "batch_size": "data.bs", "seed": "seed", "loss": "val/loss"},
        ),
        (
            ["config.Learning_Rate", "train.batch_size", "random_state", "train_loss", "val loss"],
            {
                "lr": "config.Learning_Rate",
                "batch_size": "train.batch_size",
                "seed": "random_state",
                "loss": "val loss",
            },
        ),
        # The validation loss goes before the test's, the test's before one of an unknown split.
        (["loss", "test_loss", "metrics.val.loss"], {"loss": "metrics.val.loss"}),
        (["loss", "test_loss"], {"loss": "test_loss"}),
        (["lr", "base_lr"], {"lr": "lr"}),
        (["learning_rate_init", "alpha"], {"lr": "learning_rate_init", "weight_decay": "alpha"}),
        (["params_lr", "params_data.batch_size"], {"lr": "params_lr", "batch_size": "params_data.batch_size"}),
        (
            ["batch_size (samples)", "Learning Rate [1/step]"],
            {"batch_size": "batch_size (samples)", "lr": "Learning Rate [1/step]"},
        ),
        (["learning_rate", "lr_scheduler", "lr_scheduler_type"], {"lr": "learning_rate"}),
        (["color", "my_lr_note", "blast"], {}),
        ([], {}),
    ],
)
def test_usual_names_are_found(names: list[str], expected: dict[str, str]) -> None:
    assert guess(names) == expected


def test_what_is_given_is_not_guessed() -> None:
    assert guess(["lr", "my.rate"], {"lr": "my.rate"}) == {"lr": "my.rate"}
    # A name that has a role does not stand in the way of another role.
    assert guess(["loss", "val_loss"], {"seed": "val_loss"}) == {"seed": "val_loss", "loss": "loss"}


@pytest.mark.parametrize(
    ("names", "given", "words"),
    [
        (["generator.lr", "discriminator.lr"], {}, "lr: which of 'generator.lr', 'discriminator.lr'?"),
        (["seed", "data.seed"], {}, "seed: which of 'seed', 'data.seed'?"),
        (["lr"], {"lr": "rate"}, "lr: there is no 'rate', only 'lr'"),
        ([], {"loss": "x"}, "loss: there is no 'x', only nothing"),
        (["a"], {"lr": "a", "seed": "a"}, "'a' cannot be lr and seed"),
    ],
)
def test_a_doubt_is_one_line(names: list[str], given: dict[Role, str], words: str) -> None:
    with pytest.raises(InputError) as refusal:
        guess(names, given)
    assert str(refusal.value) == words


def test_only_the_roles_that_are_asked_for_are_in_doubt() -> None:
    names = ["lr", "l2", "alpha"]
    assert guess(names, roles=["lr", "loss"]) == {"lr": "lr"}
    with pytest.raises(InputError, match="weight_decay: which of 'l2', 'alpha'"):
        guess(names)


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["test_acc", "val acc"], "val acc"), (["metrics.accuracy"], "metrics.accuracy"), (["acc_note", "loss"], None)],
)
def test_an_accuracy_is_found_where_there_is_no_loss(names: list[str], expected: str | None) -> None:
    assert guess_accuracy(names) == expected


def test_metrics_of_which_larger_is_better() -> None:
    for name in ("val/accuracy", "val acc", "macro_f1", "eval.ROC_AUC", "BLEU"):
        assert is_maximized(name)
    for name in ("val/loss", "accuracy_loss", "error", "perplexity", "", "accumulated"):
        assert not is_maximized(name)
