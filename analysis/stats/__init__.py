"""Statistics on plain arrays: intervals, bootstrap, DeLong's test, Holm's correction and calibration.

Pure functions that know nothing of runs, cells or tables; each names its reference.
"""
