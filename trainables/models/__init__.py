"""The networks: the paper's two students, other backbones, and their exported form.

`architectures.py` says of each network what the rest needs to know: its taps, its head and its first weights.
`taps.py` reads activations from inside; `deployed.py` and `onnx_file.py` carry a student to a device. How
a network is trained is not decided here.
"""
