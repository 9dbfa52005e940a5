"""The recording: which curves are trained, how, and what is read of them. No search is run or simulated here."""
