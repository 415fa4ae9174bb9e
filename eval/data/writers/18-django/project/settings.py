from pathlib import Path

ROOT = Path(__file__).resolve().parent
SECRET_KEY = "not secret"
INSTALLED_APPS = ["library"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ROOT / "live.sqlite3",
        "TEST": {"NAME": ROOT / "test.sqlite3"},
    }
}
