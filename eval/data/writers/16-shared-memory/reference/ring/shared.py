from multiprocessing import shared_memory


def through(data):
    """The bytes, by way of a block of shared memory that is attached to twice."""
    block = shared_memory.SharedMemory(create=True, size=len(data))
    try:
        block.buf[: len(data)] = data
        other = shared_memory.SharedMemory(name=block.name)
        found = bytes(other.buf[: len(data)])
        other.close()
        return found
    finally:
        block.close()
        block.unlink()
