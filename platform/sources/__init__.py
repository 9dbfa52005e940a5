"""What a sweep learns from: images and teachers, and the folders where they are kept.

`images` finds or draws a data set and prepares its store, `at_hand` finds or makes the teachers, and `places` knows the
layout of the results folder. Readers of the providers' own layouts are in `trainables/data/readers`.
"""
