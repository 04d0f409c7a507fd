"""A small convolutional network on handwritten digits: an ordinary PyTorch application with Hydra, swept by lrlab."""

import hydra
import torch
from omegaconf import DictConfig
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset, random_split

import lrlab


def network(channels: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(channels, 2 * channels, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2 * channels * 4, 10),
    )


@hydra.main(config_path=".", config_name="config", version_base="1.3")
def main(config: DictConfig) -> float:
    images, labels = load_digits(return_X_y=True)
    digits = TensorDataset(torch.tensor(images / 16).float().view(-1, 1, 8, 8), torch.tensor(labels))
    train, validation = random_split(digits, [0.75, 0.25], torch.Generator().manual_seed(0))
    torch.manual_seed(config.seed)
    model = network(config.model.channels)
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=config.optim.lr,
        momentum=config.optim.momentum,
        weight_decay=config.optim.weight_decay,
    )
    x_val, y_val = validation[:]
    loss = float("nan")
    for epoch in range(1, config.epochs + 1):
        for x, y in DataLoader(train, config.data.batch_size, shuffle=True):
            optimizer.zero_grad()
            cross_entropy(model(x), y).backward()
            optimizer.step()
        with torch.no_grad():
            scores = model(x_val)
        loss = cross_entropy(scores, y_val).item()
        lrlab.log({"val_accuracy": (scores.argmax(1) == y_val).float().mean().item()}, epoch)
        lrlab.report(epoch, loss)  # the pruner may end the trial here
    return loss


if __name__ == "__main__":
    main()
