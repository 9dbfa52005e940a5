"""The readers, one file a data set, with its record; `trainables.data.catalogue` is the way in."""
