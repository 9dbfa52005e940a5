"""The ablations that come with the platform: one TOML file each, with its question and its command.

A file says what a sweep varies, in the words of its options. What concerns one machine (folders, CPUs, addresses) does
not belong there, nor does code.
"""
