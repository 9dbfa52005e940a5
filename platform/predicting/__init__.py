"""One student's answers to pictures of the user's own, as a CSV file.

`pictures` lists the files and decodes them as training does; `conduct_prediction` asks the student and writes the file.
Predictions of a data set's own test images come from its trials: they are in MLflow, and `analysis/reading` reads them.
"""
