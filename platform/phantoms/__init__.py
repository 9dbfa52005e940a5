"""Phantoms: synthetic images in the real downloads' layouts.

They let anyone try everything without a patient's data, and every result that rests on them says so. Writers put whole
data sets on disk; the other files draw. The readers must not be able to tell a phantom from the real thing, except
by the mark in its folder.
"""
