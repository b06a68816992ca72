"""The package as a whole: light to import, layered as designed, and documented."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import musiclab

HOME = Path(musiclab.__file__).parent
SOURCES = {
    ".".join(path.relative_to(HOME).with_suffix("").parts).removesuffix(".__init__"): path for path in sorted(HOME.rglob("*.py"))
}

# Music's way through the package: a module may import only what stands before it. Those that share a line do
# not know each other. What stands above the LSTM in the way is written in NumPy alone.
ORDER = [
    {"score"},
    {"spelling", "melody", "timing", "cores"},
    {"products"},
    {"formats", "baselines", "lstm", "backend", "past", "sampling"},
    {"reader", "layers"},
    {"files"},
    {"character"},
    {"encoding", "corpus"},
    {"dataset", "voices"},
    {"models"},
    {"bundle"},
    {"harmony", "splits"},
    {"training"},
    {"own"},
    {"generation"},
    {"evaluation", "listening"},
    {"partner", "taste"},
    {"show"},
    {"doctor", "game"},
    {"progress"},
    {"exercises", "quiz"},
    {"lessons"},
    {"widgets", "classroom"},
    {"__main__"},
]
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}
MUSICLAB_FREE = ("score", "baselines", "lstm", "backend", "cores", "products", "past", "sampling")
ONLY_SCORE = ("spelling", "melody", "timing", "formats", "encoding", "show")


def imports(path):
    """Yield (module, whether at the top of the file) for every import in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {id(node) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(f)}
    guarded = {
        id(node) for i in ast.walk(tree) if isinstance(i, ast.If) and "TYPE_CHECKING" in ast.dump(i.test) for node in ast.walk(i)
    }
    for node in ast.walk(tree):
        if id(node) in guarded:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: write imports out in full"
            names = [f"musiclab.{a.name}" for a in node.names] if node.module == "musiclab" else [node.module]
        else:
            continue
        for name in names:
            yield name, id(node) not in inside


def own_imports(path):
    """The modules of musiclab that a file imports, anywhere in it."""
    return {name.split(".")[1] for name, _ in imports(path) if name.startswith("musiclab.")}


def test_the_layering_below_knows_every_module():
    assert {name.split(".")[0] for name in SOURCES} - {"__init__"} <= RANK.keys()


@pytest.mark.parametrize("module", [m for m in SOURCES if m != "__init__"])
def test_no_module_imports_upwards(module):
    top = module.split(".")[0]
    for imported in own_imports(SOURCES[module]) - {top}:
        assert imported in RANK or imported.startswith("__") or imported in dir(musiclab), f"{module} imports {imported}"
        if imported in RANK:
            assert RANK[imported] < RANK[top], f"{module} imports {imported}, which stands above it"


@pytest.mark.parametrize("module", [m for m in SOURCES if m.split(".")[0] in MUSICLAB_FREE + ONLY_SCORE])
def test_the_foundations_know_nothing_of_the_rest(module):
    top = module.split(".")[0]
    more = {
        "show": {"spelling", "formats", "files"},
        "formats": {"spelling"},
        "encoding": {"past", "character"},
        "products": {"cores"},
        "lstm": {"products"},
    }
    allowed = {top} | more.get(top, set()) | ({"score"} if top in ONLY_SCORE else set())
    assert own_imports(SOURCES[module]) <= allowed


@pytest.mark.parametrize("module", SOURCES)
def test_heavy_libraries_stay_where_they_belong(module):
    top = module.split(".")[0]
    for name, at_the_top in imports(SOURCES[module]):
        library = name.split(".")[0]
        if library in ("tensorflow", "keras"):
            assert top in ("backend", "layers", "models", "training"), f"{module} imports {name}"
        if library in ("music21", "verovio", "symusic", "matplotlib", "joblib"):
            assert not at_the_top or top in ("show", "formats", "reader"), f"{module} imports {name} before it is needed"
        if top in ("score", "spelling", "encoding", "dataset", "baselines", "lstm"):
            assert library in (*sys.stdlib_module_names, "numpy", "musiclab", "__future__"), f"{module} imports {name}"


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout


def test_importing_musiclab_is_light_and_quick():
    """The best of three, measured inside the process, so that a busy machine does not decide."""
    code = (
        "import sys, time; t = time.process_time(); import musiclab; dt = time.process_time() - t\n"
        "print(dt, [m for m in ('tensorflow', 'keras', 'music21', 'numpy') if m in sys.modules])"
    )
    answers = [python(code).split(maxsplit=1) for _ in range(3)]
    assert min(float(seconds) for seconds, _ in answers) <= 0.3
    assert all(modules.strip() == "[]" for _, modules in answers)


def test_sampling_and_loading_need_neither_tensorflow_nor_music21():
    code = (
        "import sys; import musiclab.generation, musiclab.bundle, musiclab.dataset, musiclab.corpus, musiclab.baselines\n"
        "import musiclab.splits, musiclab.partner\n"
        "print([m for m in ('tensorflow', 'keras', 'music21') if m in sys.modules])"
    )
    assert python(code).strip() == "[]"


def test_every_public_name_is_there_and_no_other():
    for name in musiclab.__all__:
        assert getattr(musiclab, name).__module__.startswith("musiclab.")
        assert name in dir(musiclab)
    with pytest.raises(AttributeError, match=r"musiclab has no 'magic'; it has .*Score.*"):
        musiclab.magic  # noqa: B018


@pytest.mark.parametrize("module", [m for m in SOURCES if m.split(".")[0] not in ("__init__", "__main__", "lessons", "widgets")])
def test_everything_public_has_a_docstring(module):
    loaded = importlib.import_module(f"musiclab.{module}")
    assert loaded.__doc__, f"{module} does not say what it is"
    for name in getattr(loaded, "__all__", []):
        item = getattr(loaded, name)
        if not (inspect.isclass(item) or inspect.isfunction(item)):
            continue
        assert inspect.getdoc(item), f"{module}.{name}"
        if inspect.isclass(item) and item.__module__ == loaded.__name__:
            for method, value in vars(item).items():
                if not method.startswith("_") and (inspect.isfunction(value) or isinstance(value, property | classmethod)):
                    assert inspect.getdoc(getattr(item, method)), f"{module}.{name}.{method}"
