"""The driver's side of the project, and the standard library's `platform` as well.

The commands are run as `python -m platform.sweep` from the repository root, where this package is found before the
standard library's module of the same name by everything that the process imports: uuid, torch, Ray and MLflow all
ask it what machine this is. So the standard library's own source is executed here, in this namespace, which makes
this package a superset of the module that it hides. `__file__` and `__path__` stay ours, so that `platform.sweep` is
found beside this file; the functions keep their own file name in tracebacks.

Ray's workers have the standard library's module loaded before our code runs: nothing that travels to a worker may
refer to this package.
"""

import importlib.machinery as _machinery
import os as _os

_doc = __doc__
# Looked for beside os, wherever this Python keeps its library; get_code() takes the compiled file from the library's
# own cache, which makes this as cheap as the plain import.
_spec = _machinery.PathFinder.find_spec("platform", [_os.path.dirname(_os.__file__)])
exec(_spec.loader.get_code("platform"), globals())  # type: ignore[union-attr]
__doc__ = _doc

# As in `analysis`, which is not there for everything that finds this package: MLflow reads both while it is imported.
_os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
_os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
