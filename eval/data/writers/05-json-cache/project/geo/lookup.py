import json
from pathlib import Path

CACHE = Path(__file__).parent / "_cache.json"
CITIES = {"bern": (46.9, 7.4), "rome": (41.9, 12.5)}


def lookup(city):
    """Latitude and longitude of a city, remembered in the cache."""
    known = json.loads(CACHE.read_text()) if CACHE.exists() else {}
    if city not in known:
        known[city] = CITIES[city.lower()]
        CACHE.write_text(json.dumps(known))
    latitude, longitude = known[city]
    return {"lat": latitude, "lon": latitude}
