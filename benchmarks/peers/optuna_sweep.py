"""A sweep with Optuna 5 and PyTorch: long-lived processes, a journal, everything heavy imported once in each."""

import argparse
import multiprocessing
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path


def main() -> None:
    given = parser().parse_args()
    context = multiprocessing.get_context("spawn")
    taken = context.Value("i", 0)
    others = [context.Process(target=work, args=(given, taken, n)) for n in range(1, given.workers)]
    for other in others:
        other.start()
    work(given, taken, 0)
    for other in others:
        other.join()
        if other.exitcode:
            raise SystemExit(other.exitcode)


def work(given: argparse.Namespace, taken: "Synchronized[int]", number: int) -> None:
    """Ask, train, log and tell until all trials are taken."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from records import Records, now
    from training import Config, load, threads, train

    threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder = Path(given.outputs)
    study = optuna.create_study(
        study_name=given.name,
        storage=JournalStorage(JournalFileBackend(str(folder / "optuna.log"))),
        sampler=optuna.samplers.TPESampler(seed=given.seed + 7919 * number),
        load_if_exists=True,
    )
    records, data = Records(str(folder / "mlflow.db"), given.name), load(given.data)
    while _take(taken, given.trials):
        trial = study.ask()
        config = Config(
            hidden=tuple(given.hidden),
            optimizer="momentum",
            lr=trial.suggest_float("optimizer.lr", given.lr[0], given.lr[1], log=True),
            batch_size=trial.suggest_categorical("batch_size", given.batch_sizes),
            warmup=trial.suggest_float("schedule.warmup", *given.warmup),
            strength=trial.suggest_float("regularizer.strength", *given.strength, log=True),
            epochs=given.epochs,
        )
        run = records.start(f"trial {trial.number}")
        epochs = [(now(), metrics) for metrics in train(config, data)]
        records.end(run, config.params(), epochs)
        study.tell(trial, epochs[-1][1]["val/loss"])


def parser() -> argparse.ArgumentParser:
    given = argparse.ArgumentParser()
    for name in ("name", "data", "outputs"):
        given.add_argument(f"--{name}", required=True)
    for name in ("trials", "epochs", "workers", "seed"):
        given.add_argument(f"--{name}", type=int, required=True)
    given.add_argument("--hidden", type=int, nargs="*", default=[])
    given.add_argument("--batch-sizes", type=int, nargs="+", required=True)
    for name in ("lr", "warmup", "strength"):
        given.add_argument(f"--{name}", type=float, nargs=2, required=True)
    return given


def _take(taken: "Synchronized[int]", trials: int) -> bool:
    with taken.get_lock():
        taken.value += 1
        return taken.value <= trials


if __name__ == "__main__":
    main()
