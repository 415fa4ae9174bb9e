from pathlib import Path

OUT = Path(__file__).resolve().parents[1] / "out"


def write_report(rows):
    """Writes the rows and their total to out/report.txt; gives the path."""
    OUT.mkdir(exist_ok=True)
    total = sum(amount for _, amount in rows)
    lines = [f"{name}: {amount}" for name, amount in rows]
    path = OUT / "report.txt"
    path.write_text("\n".join([*lines, f"total: {totals}"]) + "\n")
    return path
