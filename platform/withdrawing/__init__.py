"""A patient withdraws: images and predictions leave the results; what was trained on them is listed.

What a store, a worker or a report has to know of it belongs to `trainables.data.withdrawn` and
`analysis.reading.withdrawn_since`.
"""
