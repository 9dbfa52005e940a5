"""Where teacher and student look: attention maps, Grad-CAM, the pointing game and their tables.

This is what `python -m analysis.attention_maps` computes and draws. Radiologists' boxes come from `trainables/data`.
"""
