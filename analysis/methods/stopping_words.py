"""When a weak trial of a search ended, in words, made of the numbers that the sweep noted with the rule's name."""

from __future__ import annotations

from analysis.methods.ledger_facts import Facts
from analysis.methods.phrases import count, unknown

ASHA = "asha"  # the rule of sweeps that named none: there was no other


def stopping_rule(plan: Facts) -> str:
    """The rule in a sentence without its full stop, from the tag `search_plan` of a sweep that was no grid."""
    name = str(plan.get("scheduler", ASHA))
    source = f"; {plan['scheduler_source']}" if plan.get("scheduler_source") else ""
    if name == "none":
        return "every trial was trained to its full length"
    if name not in _RULES:
        return unknown(f"how the rule of early stopping called `{name}` works")
    numbers = {key: plan[key] for key in ("reduction_factor", "brackets") if key in plan}
    after = f"{count(plan['grace_epochs'], 'epoch')} with labels"
    startup = count(plan.get("startup", 0), "trial")
    return _RULES[name].format(source=source, after=after, startup=startup, **numbers)


def stopper(plan: Facts) -> str:
    """The rule's name as papers have it; "" for a grid, for none, and where no rule is known by that name."""
    return _NAMES.get(str(plan.get("scheduler", ASHA)), "") if "grace_epochs" in plan else ""


def searched_by(plan: Facts) -> str:
    """Sampler and rule by their names, to follow "a search": ``(sampler: TPE), weak ones ended early by ASHA``."""
    sampler = f" (sampler: {plan['sampler']})" if plan.get("sampler") else ""
    return sampler + (f", weak ones ended early by {rule}" if (rule := stopper(plan)) else "")


_NAMES = {
    ASHA: "ASHA", "hyperband": "asynchronous Hyperband", "pasha": "PASHA", "early-discard": "early discarding",
    "median": "the median rule",
}  # fmt: skip
_RULES = {
    ASHA: (
        "weak trials were ended early by asynchronous successive halving (ASHA{source}), at the earliest after "
        "{after} and then at each {reduction_factor}-fold of that, where the best 1/{reduction_factor} of the trials "
        "seen so far went on"
    ),
    "hyperband": (
        "weak trials were ended early by asynchronous Hyperband ({brackets} brackets{source}): in the first bracket at "
        "the earliest after {after} and then at each {reduction_factor}-fold of that, where the best "
        "1/{reduction_factor} of the trials that the bracket had seen so far went on; in each further bracket one such "
        "step later, and in the last one never; a trial's number in its study decided its bracket"
    ),
    "pasha": (
        "weak trials were ended early by progressive asynchronous successive halving (PASHA{source}, without "
        "its pauses), at the earliest after {after} and then at each {reduction_factor}-fold of that, where the best "
        "1/{reduction_factor} of the trials seen so far went on; beyond the longest of these epochs that a trial had "
        "passed, and beyond the second one, a trial went on only while the ranking there was, up to the noise of the "
        "curves, another one than at the epoch before"
    ),
    "early-discard": (
        "weak trials were discarded early (one rung{source}): after {after}, the best 1/{reduction_factor} of the "
        "trials seen so far went on to their full length"
    ),
    "median": (
        "weak trials were ended early by the median rule (on the best scores so far{source}): from {after} on, and "
        "once {startup} had ended, a trial went on while its best score was no lower than the median of those trials' "
        "running averages at the same epoch"
    ),
}
