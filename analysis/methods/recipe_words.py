"""The paragraph on the recipe: how students were trained, and what cells vary of it."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.methods.ledger_facts import Recorded
from analysis.methods.paragraph import Paragraph
from analysis.methods.phrases import count, listed, plain, sentences, unknown
from trainables.recipe_learning import LOSSES

OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW"}
METRICS = {
    "auc": "mean AUC",
    "f1_weighted": "weighted F1",
    "accuracy": "accuracy",
    "kappa": "quadratic weighted kappa",
}
NAMES = {"learning_rate": "the learning rate", "weight_decay": "the weight decay", "beta": "beta"}


def recipe(recorded: Recorded) -> Paragraph:
    """Size, length, optimizer, loss, views and arithmetic, as the sweep has them; then what cells change of that."""
    if recorded.trained.empty:
        return Paragraph(name="recipe", title="Training", text="No student was trained.")
    parts = [*_steps(recorded), _loss(recorded), *_views(recorded), *_weights(recorded), _varied(recorded)]
    return Paragraph(name="recipe", title="Training", text=sentences(parts))


def _steps(recorded: Recorded) -> list[str]:
    px, epochs, batch = (recorded.own(name) for name in ("image_size_px", "max_epochs", "batch_size"))
    optimizer = str(recorded.own("optimizer"))
    schedule = {
        "halving": f"the learning rate was halved every {count(_or_nought(recorded, 'lr_halving_epochs'), 'epoch')}",
        "cosine": "the learning rate fell along half a cosine to the last epoch",
    }.get(str(recorded.own("schedule")), unknown("how the learning rate fell"))
    if warmup := _or_nought(recorded, "warmup_epochs"):
        schedule += f", after it had risen in equal steps for {count(warmup, 'epoch')}"
    length = f"for up to {count(epochs, 'epoch')}" if epochs else unknown("for how many epochs")
    batches = f"in batches of {count(batch, 'image')}" if batch else unknown("in which batches")
    return [
        f"images were reduced to {plain(px)} x {plain(px)} pixels" if px else unknown("the size of the images"),
        f"students were trained {length}, {batches}, with {OPTIMIZERS.get(optimizer, optimizer)}",
        schedule,
    ]


def _loss(recorded: Recorded) -> str:
    loss = str(recorded.own("loss"))
    details = []
    if loss == "focal":
        details.append(f"exponent {plain(recorded.own('focal_gamma'))}")
    if smoothing := _or_nought(recorded, "label_smoothing"):
        details.append(f"label smoothing {plain(smoothing)}")
    task = recorded.facts("cohort").get("task", "")
    over = {"multiclass": " over the classes", "multilabel": ", for each label by itself"}.get(str(task), "")
    return f"the loss on the labels was {LOSSES.get(loss, loss)}{over}" + (
        f" ({', '.join(details)})" if details else ""
    )


def _views(recorded: Recorded) -> list[str]:
    """What a training view is made of its image, in one sentence; a second one of mixed views."""
    done = []
    if angle := _or_nought(recorded, "rotation_deg"):
        how = str(recorded.own("interpolation"))
        done.append(f"rotated by a random angle of up to {plain(angle)} degrees in either direction ({how} pixels)")
    if recorded.own("flip"):
        done.append("mirrored left to right, half of them")
    crop = recorded.own("crop_scale_min")
    if crop is not None and float(crop) < 1:
        done.append(f"cropped at random to at least {plain(crop)} of the image's area, and enlarged")
    for knob in ("brightness", "contrast"):
        if share := _or_nought(recorded, knob):
            done.append(f"changed in {knob} by a random factor that differs from one by up to {plain(share)}")
    views = f"training views were {listed(done)}" if done else "training views were the images as they are"
    alpha = _or_nought(recorded, "mixup_alpha")
    mixed = (
        f"views and labels were mixed with those of another image, by shares from Beta({plain(alpha)}, {plain(alpha)})"
    )
    return [f"{views}; teacher and student saw the same views", mixed if alpha else ""]


def _weights(recorded: Recorded) -> list[str]:
    """Arithmetic, averaged weights, and which epoch counts."""
    decay = _or_nought(recorded, "ema_decay")
    averaged = f"an average of the weights (decay {plain(decay)}) was scored and kept in the student's place"
    compiled = ", compiled with torch.compile" if recorded.own("compiled") else ""
    metrics = [METRICS.get(str(each), str(each)) for each in recorded.values("params.selection_metric")]
    best = f"the weights of the epoch with the best {listed(metrics, 'or')} on the validation images were kept"
    return [
        f"the student's layers computed in {recorded.own('precision')}{compiled}",
        averaged if decay else "",
        f"{best}, epochs without labels excepted" if _or_nought(recorded, "unlabelled_epochs") else best,
    ]


def _varied(recorded: Recorded) -> str:
    """What cells change on purpose, knob by knob, and what the others have."""
    texts = [_change(recorded, name, values) for name, values in recorded.varied.items()]
    return f"some cells differ from this on purpose: {'; '.join(texts)}" if texts else ""


def _change(recorded: Recorded, name: str, values: Sequence[object]) -> str:
    several = listed([plain(value) for value in values], "or")
    if name in NAMES:
        return f"{NAMES[name]} was fixed at {several}"
    own = recorded.own(name)
    return f"`{name}` was {several}" + (f" instead of {plain(own)}" if own is not None else "")


def _or_nought(recorded: Recorded, knob: str) -> float:
    """A number that means nothing at 0, which is also what older runs have that lack it."""
    return float(recorded.own(knob) or 0)
