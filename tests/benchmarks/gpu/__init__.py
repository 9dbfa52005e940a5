"""What one GPU gives, in pieces: each a process of its own, whose figures are kept as they come.

The command, its pieces and its record import nothing heavy; what measures is imported by the piece's own process.
"""
