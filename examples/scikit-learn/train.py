"""A small network of scikit-learn's on its handwritten digits: an ordinary Hydra application, swept by lrlab."""

import hydra
from omegaconf import DictConfig
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import lrlab


@hydra.main(config_path=".", config_name="config", version_base="1.3")
def main(config: DictConfig) -> float:
    images, labels = load_digits(return_X_y=True)
    x, x_val, y, y_val = train_test_split(images / 16, labels, test_size=0.25, random_state=0)
    network = MLPClassifier(
        hidden_layer_sizes=tuple(config.hidden),
        solver="sgd",
        momentum=0,
        learning_rate_init=config.lr,
        batch_size=config.batch_size,
        alpha=config.weight_decay,
        random_state=config.seed,
    )
    loss = float("nan")
    for epoch in range(1, config.epochs + 1):
        network.partial_fit(x, y, classes=range(10))  # one pass over the images
        loss = log_loss(y_val, network.predict_proba(x_val))
        lrlab.report(epoch, loss)
        lrlab.log({"val_accuracy": network.score(x_val, y_val)}, epoch)
    return loss


if __name__ == "__main__":
    main()
