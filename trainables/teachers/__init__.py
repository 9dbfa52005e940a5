"""Teachers: where they come from, what they have seen, and what they know of a view.

Checkpoints are imported without running any code in them; a teacher is stored with the patients it was trained
on, so that an overlap with test patients is noticed; and its answers are cached, because they are the same for every
trial. What a student does with the answers is a method's business, in `trainables.transfer`.
"""
