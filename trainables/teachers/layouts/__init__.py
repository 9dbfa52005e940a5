"""How the files of published models are laid out, and how their tensors become our networks'.

One file per kind of model (`photographs.py`, `radiographs.py`, `xrayvision.py`, `general.py`) says which tensors a file
holds, which are left out on purpose, and what is known of the model: its licence, its source and its training data.
`tensor_fit.py` accounts for every tensor, `conversion.py` goes from a file to a teacher's weights. What a network is
made of is not decided here, but in `trainables.models.foundation`.
"""
