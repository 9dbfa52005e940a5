"""Images: readers of the releases, patient-disjoint splits, the prepared store, and the augmentation of its views."""
