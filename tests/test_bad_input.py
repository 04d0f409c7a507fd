"""What cannot be used is refused before anything is written: one line that names the key, exit code 2."""

import sys
from pathlib import Path

import pytest

from lrlab.cli.main import main

TRAIN = [
    ("optimizer.foo=1", "optimizer.foo", "lr, rho"),
    ("nokey=1", "nokey", "batch_size"),
    ("optimizer=lion", "optimizer/lion", "adamw"),
    ("optimizer.lr=0", "optimizer.lr", "> 0"),
    ("optimizer.lr=-1", "optimizer.lr", "> 0"),
    ("optimizer.lr=nan", "optimizer.lr", "> 0"),
    ("optimizer.lr=inf", "optimizer.lr", "> 0"),
    ("optimizer.lr=fast", "optimizer.lr", "'fast'"),
    ("optimizer.lr=[1]", "optimizer.lr", "> 0"),
    ("optimizer.lr=null", "optimizer.lr", "None"),
    ("optimizer.rho=1", "optimizer.rho", "< 1"),
    ("optimizer.nesterov=3", "optimizer.nesterov", "true or false"),
    ("regularizer.strength=-1e-3", "regularizer.strength", ">= 0"),
    ("schedule.warmup=1", "schedule.warmup", "< 1"),
    ("schedule.warmup=-0.1", "schedule.warmup", ">= 0"),
    ("epochs=0", "epochs", ">= 1"),
    ("epochs=1.5", "epochs", "integer"),
    ("batch_size=0", "batch_size", ">= 1"),
    ("batch_size=5000", "batch_size", "1077"),
    ("seed=-1", "seed", ">= 0"),
    ("dtype=float16", "dtype", "float32, float64"),
    ("objective=loss", "objective", "val/loss"),
    ("method=test_function objective=val/accuracy", "objective with method=test_function", "one of val/loss, got"),
    ("optimizer=adamw regularizer.strength=0.1", "regularizer.strength", "regularizer=l2"),
    ("-m hydra.mode=RUN seed=1,2", "hydra.mode", "MULTIRUN"),
    ("data.validation=0", "data.validation", ">= 1"),
    ("data.train_size=2000", "data.train_size", "1077"),
    ("data=cifar10 data.root=nowhere", "lrlab data fetch cifar10", "nowhere"),
    ("data=table", "data.path must be the path of a CSV or Parquet file", "None"),
    ("data=table data.path=nosuch.csv data.target=y", "data.path", "nosuch.csv: there is no such file"),
    ("data=table data.path=/dev data.target=y", "data.path", "/dev: that is a folder"),
    ("data=table data.path=/dev/null data.target=y", "data.path", "/dev/null is empty"),
    ("data=table data.test=20", "data.test", "> 0 and < 1"),
    ("data=table data.missing=drop", "data.missing", "refuse, impute"),
    ("data=table data.categorical=zip", "data.categorical", "a list of column names"),
    ("data=arrays data.path=/dev/null", "data.path must be an .npz file", "/dev/null"),
    ("data=images data.path=/dev/null", "data.path", "/dev/null: that is a file"),
    ("data=images data.size=32", "data.size", "[height, width]"),
    ("model=mlp model.hidden=[]", "model.hidden", "widths"),
    ("model=mlp model.hidden=[0]", "model.hidden", ">= 1"),
    ("optimizer=adam optimizer.beta1=1", "optimizer.beta1", "< 1"),
    ("optimizer=adamw optimizer.beta2=-0.1", "optimizer.beta2", ">= 0"),
    ("optimizer=adamw optimizer.weight_decay=-1", "optimizer.weight_decay", ">= 0"),
    ("schedule=step schedule.gamma=0", "schedule.gamma", "> 0"),
    ("schedule=cosine schedule.floor=2", "schedule.floor", "<= 1"),
    ("model=knn model.k=0", "model.k", ">= 1"),
    ("model=knn model.k=5000", "model.k", "1077"),
    ("model=knn model.metric=cosine", "model.metric", "l1, l2"),
    ("model=knn method=newton", "model must be linear", "KNN"),
    ("model=knn method=gradient", "method must be knn", "Gradient"),
    ("method=knn", "model must be knn", "Linear"),
    ("method=newton regularizer=l1", "regularizer must be l2", "L1"),
    ("method=newton regularizer.strength=0", "regularizer must be l2", "> 0"),
    ("method=newton method.largest=600", "method.largest=600", "650"),
    ("method=random_search method.draws=0", "method.draws", ">= 1"),
    ("method=test_function method.function=himmelblau", "method.function", "rosenbrock"),
    ("method=test_function method.condition=0", "method.condition", ">= 1"),
    ("data=spirals data.noise=-1", "data.noise", ">= 0"),
    ("regularizer=l1_proximal regularizer.strength=-1", "regularizer.strength", ">= 0"),
    ("experiment=surprise", "experiment/surprise", "recommended"),
    ("optimizer._target_=os.system", "optimizer._target_", "lrlab."),
    ("optimizer._target_=lrlab.cli.main.sys.exit", "optimizer._target_", "lrlab."),
    ("tracking.uri=ftp", "tracking.uri", "sqlite:///"),
    ("outputs=/proc/outputs", "outputs", "/proc/outputs"),
    ("outputs=/dev/null", "outputs", "/dev/null"),
]
SWEEP = [
    ("nokey=1", "nokey", "batch_size"),
    ("optimizer.lr=-1", "optimizer.lr", "> 0"),
    ("optimizer.lr=interval(-1,1)", "optimizer.lr", "> 0"),
    ("optimizer.lr=tag(log,interval(0,1))", "optimizer.lr", "above 0"),
    ("optimizer.lr=interval(1,0.1)", "optimizer.lr", "interval"),
    ("batch_size=choice(16,5000)", "batch_size", "1077"),
    ("regularizer.strength=choice(1,-1)", "regularizer.strength", ">= 0"),
    ("schedule.warmup=interval(0,1)", "schedule.warmup", "< 1"),
    ("nokey=choice(1,2)", "nokey", ""),
    ("data=table data.path=nosuch.csv data.target=y", "data.path", "nosuch.csv: there is no such file"),
    ("+hydra.sweeper.params.nokey=1,2", "hydra.sweeper.params.nokey", ""),
    ("optimizer=choice(sgd,lion)", "lion", "adamw"),
    ("method=gradient,test_function objective=val/accuracy", "objective with method=test_function", "val/loss"),
    ("optimizer=adamw", "regularizer.strength", "regularizer=l2"),
    ("hydra.mode=RUN", "hydra.mode", "MULTIRUN"),
    ("study=a/b", "study_name", "must not hold /"),
    ("study=a=b", "study_name", "must not hold ="),
    ("study=", "study_name", "must not be empty"),
    ("study=~x", "study_name", "must not begin with ~"),
    ("hydra.sweeper.n_trials=0", "n_trials", ">= 1"),
    ("hydra.sweeper.n_jobs=0", "n_jobs", ">= 1"),
    ("hydra.sweeper.direction=up", "direction", "minimize"),
    ("hydra.sweeper.direction=maximize", "hydra.sweeper.direction must be minimize", "objective=val/loss"),
    ("hydra.sweeper.direction=[maximize,minimize]", "hydra.sweeper.direction must be minimize", "objective=val/loss"),
    (
        "objective=val/accuracy hydra.sweeper.direction=minimize",
        "hydra.sweeper.direction must be maximize",
        "objective=val/accuracy",
    ),
    ("hydra.sweeper.storage=oracle://x", "hydra.sweeper.storage", "sqlite:///"),
    ("hydra/sweeper/sampler=annealing", "annealing", "tpe"),
    ("hydra.sweeper.sampler._target_=os.system", "_target_", "optuna.samplers."),
    ("objective=val/loss,val/accuracy", "objective must be one value for the whole sweep", "val/loss, val/accuracy"),
    ("+hydra.sweeper.params.objective=val/accuracy", "objective must be one value", "hydra.sweeper.params"),
    ("outputs=o1,o2", "outputs must be one value for the whole sweep", "o1, o2"),
    ("study=a,b", "study must be one value for the whole sweep", "a, b"),
    ("tracking=mlflow,none", "tracking", "must be one value for the whole sweep"),
    ("tracking.uri=null,http://host", "tracking.uri must be one value for the whole sweep", "http://host"),
    ("allow=[a.],[b.]", "allow must be one value for the whole sweep", "a."),
    ("blas_threads=1,2", "blas_threads must be one value for the whole sweep", "1, 2"),
    ("population.width=range(1,4)", "population.width must be one value for the whole sweep", "1, 3"),
    ("population.microbatch=int(interval(1,4))", "population.microbatch must be one value", "1, 4"),
    ("outputs=o${seed} seed=1,2", "outputs must be one value for the whole sweep", "o1, o2"),
    ("hydra.sweep.subdir=../../x", "subdir", ""),
]


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    code = main(arguments)
    lines = capsys.readouterr().err.strip().splitlines()
    assert code == 2
    assert len(lines) == 1, lines
    assert lines[0].startswith("lrlab: ")
    assert list(folder.iterdir()) == []
    return lines[0]


@pytest.mark.parametrize(("overrides", "key", "allowed"), TRAIN, ids=[row[0] for row in TRAIN])
def test_train(
    overrides: str, key: str, allowed: str, working_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(["train", *overrides.split()], working_folder, capsys)
    assert key in line
    assert allowed in line


@pytest.mark.parametrize(("override", "key", "allowed"), SWEEP, ids=[row[0] for row in SWEEP])
def test_sweep(override: str, key: str, allowed: str, working_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(["sweep", "quickstart", *override.split()], working_folder, capsys)
    assert key in line
    assert allowed in line


def test_a_sampler_whose_library_is_missing(
    working_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    line = refused(["sweep", "quickstart", "hydra/sweeper/sampler=gp"], working_folder, capsys)
    assert line.endswith("pip install torch")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["sweep", "nosuch"], "quickstart"),
        (["best"], "no study"),
        (["best", "nosuch"], "nosuch"),
        (["reproduce", "nosuch"], "outputs"),
        (["reproduce", "17", "--outputs", "nosuch"], "nosuch"),
        (["reproduce", "best", "epochs=3"], "RUN can be followed by data.path=PATH"),
        (["reproduce", "data.path="], "RUN can be followed by data.path=PATH"),
        (["resume", "0" * 32, "epochs=3"], "RUN can be followed by data.path=PATH"),
        (["data", "fetch", "imagenet"], "cifar10"),
    ],
)
def test_commands(arguments: list[str], named: str, working_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert named in refused(arguments, working_folder, capsys)
