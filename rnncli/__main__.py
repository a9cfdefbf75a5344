"""The program `rnncli`, also run as `python -m rnncli`."""

# What `signal` is made of. Python has it already, and to import anything takes time in which Ctrl-C may come.
import _signal  # type: ignore[import-not-found]  # it has no types of its own
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
    # Looking for cycles while the libraries are imported takes a seventh of a short run. What is large are arrays, and
    # they are in no cycle.
    gc.disable()
    if not sys.warnoptions:
        _hush()
    if sys.argv[1:2] == ["sweep"]:
        # No matrices are multiplied there: the threads that do that for NumPy would only take memory.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from rnncli.cli import run
    from rnncli.system.before_numpy import BeforeNumpy
    from rnncli.system.streams import prepare

    prepare()
    sys.meta_path.insert(0, BeforeNumpy())
    # All that was printed is written. To take apart what has been imported would take a thirtieth of a short run.
    os._exit(run(sys.argv[1:]))


def _hush() -> None:
    """Show nothing that Python says by itself: it names source files, and a user can do nothing about it.

    Whoever wants to see warnings asks Python for them: `python -W default -m rnncli`, or PYTHONWARNINGS.
    """
    import warnings

    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda fault: None


if __name__ == "__main__":
    try:
        if sys.path[0] in ("", os.getcwd()):
            del sys.path[0]  # what lies in the current folder, perhaps beside a downloaded model, is not imported
    except OSError:  # the folder is gone
        pass
    main()
