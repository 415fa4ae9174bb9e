from pathlib import Path


def write_keys(names):
    """Writes one file for each name into the working folder; gives their names, sorted."""
    for place, name in enumerate(names, start=1):
        Path(f"{name}.key").write_text(str(place))
    return sorted(path.name for path in Path.cwd().glob("*.key"))
