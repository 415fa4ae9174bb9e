import tempfile


def spool(chunks):
    """The chunks as one, by way of a temporary file, and their size."""
    with tempfile.NamedTemporaryFile("w+") as file:
        size = 0
        for chunk in chunks:
            size += file.write(chunk)
        file.flush()
        file.seek(0)
        return file.read(), size
