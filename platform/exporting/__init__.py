"""One student as files for other programs: safetensors, ONNX and a model card.

`conduct_export` writes the folder, `agreement` checks it against the recorded scores, and `model_card` writes the page
that goes with it. The network as it is carried to a device is in `trainables/models`.
"""
