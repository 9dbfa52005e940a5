"""The ablations that come with the platform, one TOML file each: its question, its command and how long it takes.

A file says what a sweep varies, in the words of its options. What concerns one machine (folders, CPUs, addresses) does
not belong there, nor does code.
"""
