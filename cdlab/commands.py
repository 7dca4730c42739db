from cdlab.history import History
def script(history: History) -> str:
    return ""
