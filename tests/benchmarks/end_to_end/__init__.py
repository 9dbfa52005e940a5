"""The end-to-end benchmark: one ablation by us and by the public stack, timed from the command to the last trial.

`peer_stack.py` is the peers' program, as a competent user would write it: it knows nothing of this project. The other
files give both sides the same ground, run and watch them, and keep, print and draw the record. What only one part of a
sweep takes is measured beside this folder.
"""
