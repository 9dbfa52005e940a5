"""The paragraphs on networks and transfer: students, teachers, first weights, and the methods with their formulas."""

from __future__ import annotations

from analysis.methods.ledger_facts import Facts, Recorded
from analysis.methods.paragraph import Paragraph
from analysis.methods.phrases import begun, count, listed, plain, sentences, unknown
from analysis.reading.origins import PHANTOM
from search_spaces.space import RANDOM_TEACHER
from trainables import titles
from trainables.cell import ITSELF, NO_TEACHER, members
from trainables.models.stages import ALL
from trainables.teachers.imagenet import first_weights

TRANSFER, RANDOM = "transfer", "random"


def networks(recorded: Recorded) -> Paragraph:
    """The students, how much of each was trained, and where their training began."""
    trained = recorded.trained
    parts = [_student(recorded, str(name)) for name in recorded.values("params.student")]
    names = [str(name) for name in recorded.values("params.init")]
    inits = [titles.first_weights(name) for name in names]
    if inits:
        each = ", each in cells of its own" if len(inits) > 1 else ""
        others = "; layers without such weights were drawn at random" if names != [RANDOM] else ""
        parts.append(f"training began {listed(inits, 'or')}{each}{others}")
    if trained.empty:
        parts.append("no student was trained")
    return Paragraph(name="networks", title="Networks", text=sentences(parts))


def _student(recorded: Recorded, name: str) -> str:
    rows = recorded.trained[recorded.trained["params.student"] == name]
    number = recorded.family("student_facts").get(name, {}).get("parameters")
    size = count(number, "parameter") if number else unknown("its number of parameters")
    if number and rows["tags.num_trainable"].astype(str).eq(str(number)).all():
        return f"the student {titles.student(name)} has {size}, all of which were trained"
    depths = rows[["params.unfreeze", "tags.num_trainable"]].drop_duplicates().itertuples(index=False)
    trained = [_depth(str(depth), str(num_trainable)) for depth, num_trainable in depths]
    return f"the student {titles.student(name)} has {size}; {listed(trained, 'or')} were trained"


def _depth(depth: str, num_trainable: str) -> str:
    number = f"{int(float(num_trainable)):,}" if num_trainable not in ("", "nan", "0") else ""
    if depth == ALL:
        return f"all layers ({number} parameters)" if number else "all layers"
    title = titles.depth(depth).removesuffix(" trained").removeprefix("trained ")
    return f"{title} ({number} parameters)" if number else title


def teachers(recorded: Recorded) -> Paragraph:
    """Where the teachers and the first weights come from, under which licence, and what they have seen."""
    trials = recorded.runs.trials
    used = {member for name in recorded.values("params.teacher", trials) for member in members(str(name))}
    starts = recorded.trained[["params.init", "params.student"]].drop_duplicates().astype(str)
    sources = {_source(init, student) for init, student in starts.itertuples(index=False)}
    names = sorted((used | sources) - {NO_TEACHER, "random", ""})
    known = recorded.family("teacher_facts")
    parts = [_teacher(name, known[name], used, sources) for name in names if name in known]
    if lacking := [name for name in names if name not in known]:
        parts.append(
            f"{listed(f'`{name}`' for name in lacking)}: {unknown('network, source, licence and training data')}"
        )
    ensembles = [str(name) for name in recorded.values("params.teacher", trials) if "+" in str(name)]
    if ensembles:
        parts.append(f"the {listed(map(titles.teacher, ensembles))} taught together, by the mean of what they know")
    if (trials["params.method"] == ITSELF).any():
        parts.append("teachers that have the target's labels were also scored as they are, without any training")
    if overlap := recorded.tag("teacher_overlap"):
        parts.append(f"WARNING: {overlap}")
    return Paragraph(name="teachers", title="Teachers", text=sentences(parts or ["there was no teacher"]))


def _source(init: str, student: str) -> str:
    """Whose weights a student began with; "" for a network that this version does not know."""
    try:
        return first_weights(init, student)
    except ValueError:
        return ""


def _teacher(name: str, known: Facts, used: set[str], sources: set[str]) -> str:
    roles = [
        *(["a teacher"] if name in used else []),
        *(["the first weights"] if name in sources else []),
    ]
    begins = f"`{name}` ({listed(roles)})"
    network = known.get("architecture", "")
    shown = titles.student(network) if network else unknown("network")
    outputs = f" with {count(known['outputs'], 'output')}" if known.get("outputs") else ""
    seen = [_seen(each, number) for each, number in known.get("seen", {}).items()]
    learnt = known.get("trained_on") or (listed(seen) if seen else "")
    parts = [
        f"{begins} is a {shown}{outputs}{f', {PHANTOM}' if known.get('is_phantom') else ''}",
        known.get("source") or unknown("its source"),
        *([] if name == RANDOM_TEACHER else _origin(known, learnt)),
        f"fingerprint `{known.get('fingerprint', '')}`",
    ]
    return "; ".join(part.rstrip(".") for part in parts if part)


def _origin(known: Facts, learnt: str) -> list[str]:
    """Licence and training data; a phantom's weights were made here, and need no licence."""
    licence = f"licence: {known['licence']}" if known.get("licence") else unknown("its licence")
    trained = f"it was trained on {learnt}" if learnt else unknown("what it was trained on")
    return [trained] if known.get("is_phantom") else [licence, trained]


def _seen(name: str, num_patients: int) -> str:
    return f"`{name}`" + (f" ({count(num_patients, 'patient')})" if num_patients else "")


def transfer(recorded: Recorded) -> Paragraph:
    """The methods with their formulas and sources, and what beta means."""
    names = [str(name) for name in recorded.values("params.method")]
    known = recorded.family("method_facts")
    taught = [name for name in names if name != TRANSFER]
    parts = ["plain transfer, the baseline, has no teacher and learns from labels alone"] if TRANSFER in names else []
    parts += [_method(name, known[name]) for name in taught if name in known]
    if lacking := [titles.method(name) for name in taught if name not in known]:
        parts.append(f"{listed(lacking)}: {unknown('formula and source')}")
    conventions = recorded.values("tags.beta_convention")
    if taught:
        parts += [f"convention of beta: `{each}`" for each in conventions] or [unknown("the convention of beta")]
    if num := sorted({int(float(each)) for each in recorded.values("params.unlabelled_epochs") if float(each)}):
        epochs = listed([plain(each) for each in num], "or")
        parts.append(
            f"in the first {epochs} epochs of cells with a teacher, students learnt from the teacher alone, on all "
            "training images and without labels"
        )
    return Paragraph(
        name="transfer", title="Transfer of knowledge", text=sentences(parts or ["no student was trained"])
    )


def _method(name: str, known: Facts) -> str:
    title = known.get("title") or titles.method(name)
    return f"{begun(title)} ({known.get('reference') or unknown('its source')}): `{known['formula']}`"
