"""stub, to be replaced."""
def take(folder, file):
    raise FileNotFoundError("stub")
