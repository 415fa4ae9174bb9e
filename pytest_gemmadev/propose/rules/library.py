"""What rules know of the standard library: where well-known names live, what was renamed."""

from __future__ import annotations

import sys
from types import ModuleType

_MEMBERS = {
    "abc": "ABC ABCMeta abstractmethod",
    "argparse": "ArgumentParser Namespace",
    "bisect": "bisect_left bisect_right insort insort_left insort_right",
    "collections": ("ChainMap Counter OrderedDict UserDict UserList defaultdict deque namedtuple"),
    "collections.abc": (
        "AsyncIterator Awaitable Callable Collection Container Generator Hashable "
        "Iterable Iterator Mapping MutableMapping MutableSequence MutableSet Reversible "
        "Sequence Sized"
    ),
    "concurrent.futures": "ProcessPoolExecutor ThreadPoolExecutor as_completed",
    "contextlib": (
        "ExitStack asynccontextmanager closing contextmanager nullcontext redirect_stdout suppress"
    ),
    "copy": "deepcopy",
    "dataclasses": "asdict astuple dataclass field fields is_dataclass replace",
    "datetime": "date datetime timedelta timezone tzinfo",
    "decimal": (
        "Decimal InvalidOperation ROUND_DOWN ROUND_HALF_EVEN ROUND_HALF_UP getcontext localcontext"
    ),
    "enum": "Enum Flag IntEnum IntFlag auto unique",
    "fractions": "Fraction",
    "functools": (
        "cache cached_property cmp_to_key lru_cache partial partialmethod reduce "
        "singledispatch total_ordering wraps"
    ),
    "heapq": ("heapify heappop heappush heappushpop heapreplace nlargest nsmallest"),
    "html": "unescape",
    "importlib": "import_module",
    "io": "BytesIO StringIO TextIOWrapper",
    "itertools": (
        "accumulate chain combinations combinations_with_replacement compress count cycle "
        "dropwhile filterfalse groupby islice pairwise permutations product repeat "
        "starmap takewhile tee zip_longest"
    ),
    "json": "JSONDecodeError JSONDecoder JSONEncoder",
    "logging": "getLogger",
    "math": (
        "acos asin atan atan2 ceil comb cos degrees dist exp factorial floor fsum gcd "
        "hypot inf isclose isfinite isinf isnan isqrt lcm log log10 log2 nan perm pi prod "
        "radians sin sqrt tan tau trunc"
    ),
    "operator": "attrgetter itemgetter methodcaller mul or_ xor",
    "os.path": "basename dirname exists isdir isfile splitext",
    "pathlib": "Path PurePath PurePosixPath",
    "pprint": "pprint",
    "queue": "Empty Full LifoQueue PriorityQueue Queue SimpleQueue",
    "random": "choice choices randint shuffle uniform",
    "shutil": "copyfile copytree rmtree which",
    "statistics": ("StatisticsError mean median mode pstdev pvariance quantiles stdev variance"),
    "string": (
        "Template ascii_letters ascii_lowercase ascii_uppercase digits punctuation whitespace"
    ),
    "subprocess": "CalledProcessError PIPE Popen",
    "tempfile": "NamedTemporaryFile TemporaryDirectory",
    "textwrap": "dedent indent",
    "threading": "Lock RLock Semaphore Thread Timer",
    "time": "monotonic perf_counter sleep",
    "types": "MappingProxyType ModuleType SimpleNamespace",
    "typing": (
        "Any AnyStr ClassVar Dict Final FrozenSet Generic List Literal NamedTuple NewType "
        "NoReturn Optional Protocol Set TYPE_CHECKING Tuple Type TypeVar TypedDict Union "
        "cast overload"
    ),
    "urllib.parse": "parse_qs quote unquote urlencode urljoin urlparse",
    "urllib.request": "urlopen",
    "uuid": "UUID uuid4",
    "weakref": "WeakKeyDictionary WeakValueDictionary",
}

MEMBERS: dict[str, tuple[str, ...]] = {}
"""Modules that define a well-known name, the usual one first."""
for _module, _names in _MEMBERS.items():
    for _name in _names.split():
        MEMBERS[_name] = (*MEMBERS.get(_name, ()), _module)

ALIASES = {
    "np": "numpy",
    "pd": "pandas",
    "plt": "matplotlib.pyplot",
    "sns": "seaborn",
    "tf": "tensorflow",
    "sp": "scipy",
    "dt": "datetime",
    "ET": "xml.etree.ElementTree",
    "mp": "multiprocessing",
}
"""Modules known under another name by convention."""

CONSTANTS = {
    "true": "True",
    "false": "False",
    "none": "None",
    "null": "None",
    "nil": "None",
    "NULL": "None",
    "TRUE": "True",
    "FALSE": "False",
    "undefined": "None",
    "NaN": 'float("nan")',
    "Infinity": 'float("inf")',
    "this": "self",
}
"""Words of other languages and what they are here."""

RENAMED_BUILTINS = {
    "xrange": "range",
    "raw_input": "input",
    "unicode": "str",
    "basestring": "str",
    "long": "int",
    "unichr": "chr",
    "string": "str",
    "integer": "int",
    "boolean": "bool",
    "length": "len",
    "println": "print",
    "printf": "print",
    "array": "list",
    "object_": "object",
}

RENAMED_MODULES = {
    "ConfigParser": "configparser",
    "Queue": "queue",
    "StringIO": "io",
    "cStringIO": "io",
    "cPickle": "pickle",
    "HTMLParser": "html.parser",
    "urlparse": "urllib.parse",
    "urllib2": "urllib.request",
    "httplib": "http.client",
    "Tkinter": "tkinter",
    "__builtin__": "builtins",
    "imp": "importlib",
    "sets": "collections",
}

MOVED_ATTRIBUTES = {
    ("time", "clock"): "perf_counter",
    ("string", "letters"): "ascii_letters",
    ("string", "lowercase"): "ascii_lowercase",
    ("string", "uppercase"): "ascii_uppercase",
    ("inspect", "getargspec"): "getfullargspec",
    ("os", "getcwdu"): "getcwd",
    ("itertools", "izip_longest"): "zip_longest",
    ("itertools", "ifilterfalse"): "filterfalse",
    ("collections", "Mapping"): "abc.Mapping",
    ("collections", "MutableMapping"): "abc.MutableMapping",
    ("collections", "Sequence"): "abc.Sequence",
    ("collections", "Iterable"): "abc.Iterable",
    ("collections", "Iterator"): "abc.Iterator",
    ("collections", "Callable"): "abc.Callable",
    ("collections", "Hashable"): "abc.Hashable",
    ("datetime", "now"): "datetime.now",
    ("datetime", "utcnow"): "datetime.utcnow",
    ("datetime", "today"): "date.today",
    ("datetime", "strptime"): "datetime.strptime",
    ("datetime", "fromtimestamp"): "datetime.fromtimestamp",
    ("datetime", "fromisoformat"): "datetime.fromisoformat",
    ("datetime", "combine"): "datetime.combine",
    ("math", "max"): "",
    ("math", "abs"): "fabs",
    ("json", "parse"): "loads",
    ("json", "stringify"): "dumps",
    ("json", "encode"): "dumps",
    ("json", "decode"): "loads",
    ("random", "rand"): "random",
    ("random", "randInt"): "randint",
    ("copy", "deep_copy"): "deepcopy",
    ("functools", "memoize"): "cache",
}


_SPECIAL = (
    "init new str repr len eq ne lt le gt ge hash bool call iter next contains getitem setitem "
    "delitem getattr setattr enter exit aenter aexit aiter anext add radd iadd sub mul rmul "
    "truediv floordiv mod neg abs int float index format post_init reversed missing"
)
DUNDERS = tuple(f"__{name}__" for name in _SPECIAL.split())
"""Special methods that classes of a project define."""


def library_names(module: str) -> frozenset[str]:
    """Public names of a standard-library module that is loaded already; nothing is imported."""
    if module.partition(".")[0] not in sys.stdlib_module_names:
        return frozenset()
    found = sys.modules.get(module)
    if not isinstance(found, ModuleType):
        return frozenset(n for n, homes in MEMBERS.items() if module in homes)
    return frozenset(n for n in vars(found) if not n.startswith("_"))
