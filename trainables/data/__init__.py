"""From a download to training batches: splits, the prepared store, and augmentation.

Readers list the images of a release; splits divide them by patient; `store_making.py` decodes each image once into a
store, one memory-mapped file; training reads views of it. What concerns a single data set belongs in its reader.
"""
