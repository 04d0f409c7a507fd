from lrlab.config.flatten import flatten


def test_nested_keys_are_joined() -> None:
    assert flatten({"optim": {"lr": 0.1, "betas": [0.9, 0.99]}, "seed": 0}) == {
        "optim.lr": 0.1,
        "optim.betas": [0.9, 0.99],
        "seed": 0,
    }


def test_no_key_is_special() -> None:
    assert flatten({"choice": 1, "model": {"choice": "mlp", "": 2}, 3: {4: None}, "empty": {}}) == {
        "choice": 1,
        "model.choice": "mlp",
        "model.": 2,
        "3.4": None,
    }
