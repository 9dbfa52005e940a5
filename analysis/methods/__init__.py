"""What was done, in words: a paper's methods section, and answers to reporting checklists.

Every sentence is made from the ledger alone (`ledger_facts`), so that a paper cannot say other than what was run; what
the ledger does not know is named as not recorded, and never guessed. `paragraphs` puts the sentences together, in text,
Markdown and LaTeX. No score is computed here.
"""
