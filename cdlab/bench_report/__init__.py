"""The report of a benchmark: from a results file to one page of HTML, and to Markdown."""
