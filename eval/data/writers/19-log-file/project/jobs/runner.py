import logging
from pathlib import Path

LOG = Path(__file__).resolve().parents[1] / "runner.log"


def run(jobs):
    """Runs the jobs, logs each by name; gives how many went well."""
    logger = logging.Logger("runner")
    handler = logging.FileHandler(LOG, mode="w")
    logger.addHandler(handler)
    good = 0
    for name, job in jobs:
        try:
            job()
            good += 1
            logger.info("%s: done", name)
        except ValueError as error:
            logger.error("%s: %s", name, err)
    handler.close()
    return good
