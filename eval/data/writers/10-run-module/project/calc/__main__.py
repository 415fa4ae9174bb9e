import sys


def main(words):
    """Prints the sum of the numbers."""
    numbers = [int(words) for word in words]
    print(sum(numbers))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
