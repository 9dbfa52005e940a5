"""Evaluations of students on classes that they never saw, from the request to the page.

What is computed is in `analysis/probes`; here the runs, the images and the networks are brought together, and it is
checked what the students and their teachers may have seen before.
"""
