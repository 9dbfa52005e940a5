"""What frozen networks know about classes they were not trained on: embeddings, episodes and probes.

This is what `python -m platform.evaluate` computes: few-shot and new-disease tests, with their tables and figures.
"""
