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
    import configurations
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
        pruner=optuna.pruners.MedianPruner() if given.pruner == "median" else optuna.pruners.NopPruner(),
        load_if_exists=True,
    )
    records, data = Records(str(folder / "mlflow.db"), given.name), load(given.data)
    points = configurations.read(given.configurations) if given.configurations else []
    while (index := _take(taken)) < given.trials:
        if points:
            study.enqueue_trial(points[index])
        trial = study.ask()
        config = Config(
            hidden=tuple(given.hidden),
            optimizer=given.optimizer,
            lr=trial.suggest_float("lr", *given.lr, log=True),
            batch_size=trial.suggest_categorical("batch_size", given.batch_sizes),
            warmup=trial.suggest_float("warmup", *given.warmup),
            strength=trial.suggest_float("strength", *given.strength, log=True) if given.strength else 0.0,
            epochs=given.epochs,
        )
        run, epochs, pruned = records.start(f"trial {trial.number}"), [], False
        for metrics in train(config, data):
            epochs.append((now(), metrics))
            if given.pruner != "none" and len(epochs) < given.epochs:
                trial.report(metrics["val/loss"], len(epochs))
                if pruned := trial.should_prune():
                    break
        records.end(run, config.params(), epochs, "KILLED" if pruned else "FINISHED")
        if pruned:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, epochs[-1][1]["val/loss"])


def parser() -> argparse.ArgumentParser:
    given = argparse.ArgumentParser()
    for name in ("name", "data", "outputs"):
        given.add_argument(f"--{name}", required=True)
    for name in ("trials", "epochs", "workers"):
        given.add_argument(f"--{name}", type=int, required=True)
    given.add_argument("--seed", type=int, default=0, help="of the sampler")
    given.add_argument("--optimizer", default="momentum")
    given.add_argument("--pruner", choices=["none", "median"], default="none")
    given.add_argument("--configurations", help="JSON file of points to train; without, TPE chooses them")
    given.add_argument("--hidden", type=int, nargs="*", default=[])
    given.add_argument("--batch-sizes", type=int, nargs="+", required=True)
    for name in ("lr", "warmup"):
        given.add_argument(f"--{name}", type=float, nargs=2, required=True)
    given.add_argument("--strength", type=float, nargs=2, help="without, no regularizer")
    return given


def _take(taken: "Synchronized[int]") -> int:
    """How many were taken before."""
    with taken.get_lock():
        taken.value += 1
        return taken.value - 1


if __name__ == "__main__":
    main()
