"""Phantoms: synthetic images in the layouts of the real downloads, to try everything out without a patient's data."""
