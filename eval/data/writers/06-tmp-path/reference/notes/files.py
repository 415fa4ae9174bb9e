def append(path, line):
    """Adds a line to a file; gives the number of its lines."""
    text = path.read_text() if path.exists() else ""
    path.write_text(text + line + "\n")
    return len(path.read_text().splitlines())
