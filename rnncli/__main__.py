"""The program `rnncli`, which can also be run as `python -m rnncli`."""

# The module below `signal`, which Python has already imported. Importing anything else would delay handling Ctrl-C.
import _signal  # type: ignore[import-not-found]  # it has no type stubs
import os
import sys


def main() -> None:
    """Run the command line and end the process with its exit status."""
    try:
        if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
            _signal.signal(_signal.SIGINT, lambda number, frame: os._exit(128 + number))
    except KeyboardInterrupt:
        os._exit(130)
    import gc

    from rnncli.system.signals import end_on_signals

    end_on_signals()
    # Collecting garbage while libraries are imported takes a seventh of a short run. Large data is in arrays, which are
    # not in reference cycles.
    gc.disable()
    if not sys.warnoptions:
        _hush()
    if sys.argv[1:2] == ["sweep"]:
        # A sweep computes no matrix products: NumPy's threads for these would only take memory.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from rnncli.cli import run
    from rnncli.system.memory import BeforeNumpy
    from rnncli.system.streams import prepare

    prepare()
    sys.meta_path.insert(0, BeforeNumpy())
    # All output has been flushed. A normal exit would spend a thirtieth of a short run on cleaning up modules.
    os._exit(run(sys.argv[1:]))


def _hush() -> None:
    """Hide Python's own warnings, which name source files and are of no use to the user.

    They can be enabled in Python: `python -W default -m rnncli`, or PYTHONWARNINGS.
    """
    import warnings

    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda fault: None


if __name__ == "__main__":
    try:
        if sys.path[0] in ("", os.getcwd()):
            del sys.path[0]  # do not import modules from the current folder, perhaps next to a downloaded model
    except OSError:  # the folder no longer exists
        pass
    main()
