"""The students and what can be asked of them: taps, freezing, first weights."""
