"""The paragraph on software and hardware: versions and machines, as the runs' tags have them."""

from __future__ import annotations

from analysis.methods.ledger_facts import Facts, Recorded
from analysis.methods.paragraph import Paragraph
from analysis.methods.phrases import count, listed, plain, sentences, unknown

NAMES = {
    "python": "Python", "torch": "PyTorch", "ray": "Ray", "optuna": "Optuna", "mlflow": "MLflow", "numpy": "NumPy",
    "scipy": "SciPy",
}  # fmt: skip


def machines(recorded: Recorded) -> Paragraph:
    """What the trials ran with, and on."""
    trials = recorded.runs.trials
    versions, recipes, codes, libraries = (
        [str(each) for each in recorded.values("tags.version", trials)],
        [plain(each) for each in recorded.values("tags.recipe", trials)],
        list(dict.fromkeys(str(each["code"]) for each in recorded.environments if each.get("code"))),
        list(dict.fromkeys(_libraries(each) for each in recorded.environments)),
    )
    code = f", from the commit{'s' * (len(codes) > 1)} {listed(f'`{each}`' for each in codes)}" if codes else ""
    parts = [
        f"the software was version {listed(versions)}{code}" if versions else unknown("the version of the software"),
        "" if codes else unknown("the commit of the code"),
        f"the part of it that decides results had the recipe version {listed(recipes)}" if recipes else "",
        *(libraries or [unknown("the versions of Python, PyTorch, Ray and Optuna")]),
        *_hardware(recorded),
    ]
    return Paragraph(name="machines", title="Software and hardware", text=sentences(parts))


def _libraries(environment: Facts) -> str:
    versions = environment.get("libraries", {})
    return f"it used {listed(f'{NAMES.get(name, name)} {number}' for name, number in _ordered(versions))}"


def _ordered(versions: dict[str, str]) -> list[tuple[str, str]]:
    """Those that have a name of their own first, in its order."""
    names = [*(name for name in NAMES if name in versions), *sorted(name for name in versions if name not in NAMES)]
    return [(name, versions[name]) for name in names]


def _hardware(recorded: Recorded) -> list[str]:
    trials = recorded.runs.trials
    nodes = len(recorded.values("tags.node", trials))
    threads = [plain(each) for each in recorded.values("tags.num_threads", trials)]
    where = f"trials ran on {count(nodes, 'machine')}" if nodes else unknown("on how many machines trials ran")
    with_threads = f", with {listed(threads, 'or')} CPU thread{'' if threads == ['1'] else 's'} each" if threads else ""
    drivers = list(dict.fromkeys(_machine(each) for each in recorded.environments))
    driven = [f"the sweep was driven from a machine with {each}" for each in drivers]
    hardware = [str(each) for each in recorded.values("tags.hardware", trials)]
    trained = [f"students were trained on {listed(hardware)}"] if hardware else []
    return [f"{where}{with_threads}", *trained, *(driven or [unknown("processors and GPUs")])]


def _machine(environment: Facts) -> str:
    gpus = [str(name) for name in environment.get("gpus", [])]
    kinds = [f"{count(gpus.count(name), 'GPU')} ({name})" for name in dict.fromkeys(gpus)]
    processor = f" ({environment['processor']})" if environment.get("processor") else ""
    cpus = f"{count(environment['cpus'], 'CPU core')}{processor}" if environment.get("cpus") else unknown("its CPUs")
    return f"{cpus} and {listed(kinds) if kinds else 'no GPU'}"
