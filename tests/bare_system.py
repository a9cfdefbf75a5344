"""Run rnncli on a system without Unix: strip Python of everything Unix-specific, then run command lines.

    python tests/bare_system.py windows '[["summary", "input:8,rnn:4"]]'

`<FILE` at the end of a command line redirects its standard input. After its messages, standard error gets it again as
a line of JSON, with its exit status or failure. `windows` allows processes and threads; `pyodide`, a browser, neither.
"""

from __future__ import annotations

import builtins
import errno
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pkgutil import walk_packages
from types import SimpleNamespace
from typing import Any

MODULES = ("_posixshmem", "crypt", "curses", "fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios")
"""Modules that cannot be imported there, directly or through other modules."""

ABSENT = {
    "os": """
        O_ACCMODE O_ASYNC O_CLOEXEC O_DIRECT O_DIRECTORY O_DSYNC O_LARGEFILE O_NDELAY O_NOATIME O_NOCTTY O_NOFOLLOW
        O_NONBLOCK O_PATH O_RSYNC O_SYNC O_TMPFILE RTLD_GLOBAL RTLD_LAZY RTLD_LOCAL RTLD_NOW SEEK_DATA SEEK_HOLE WNOHANG
        WEXITSTATUS WIFEXITED WIFSIGNALED WTERMSIG chown chroot confstr copy_file_range ctermid environb eventfd fchdir
        fchmod fchown fdatasync fork forkpty fpathconf fstatvfs fwalk get_blocking getegid getenvb geteuid getgid
        getgroups getloadavg getpgid getpgrp getpriority getrandom getsid getuid getxattr killpg lchown listxattr lockf
        memfd_create mkfifo mknod nice openpty pathconf pidfd_open pipe2 posix_fadvise posix_fallocate posix_spawn pread
        preadv pwrite pwritev readv register_at_fork removexattr sched_getaffinity sched_setaffinity sched_yield
        sendfile set_blocking setegid seteuid setgid setpgid setpgrp setpriority setsid setuid setxattr splice statvfs
        sync sysconf tcgetpgrp tcsetpgrp ttyname wait wait3 wait4 waitid writev
    """,
    "signal": """
        ITIMER_PROF ITIMER_REAL ITIMER_VIRTUAL SIGALRM SIGBUS SIGCHLD SIGCONT SIGHUP SIGIO SIGKILL SIGPIPE SIGPROF
        SIGQUIT SIGSTOP SIGSYS SIGTRAP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGUSR1 SIGUSR2 SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ
        SIG_BLOCK SIG_SETMASK SIG_UNBLOCK alarm getitimer pause pthread_kill pthread_sigmask setitimer siginterrupt
        sigpending sigtimedwait sigwait sigwaitinfo
    """,
    "time": "clock_getres clock_gettime clock_settime pthread_getcpuclockid thread_time thread_time_ns tzset",
    "sys": "getdlopenflags setdlopenflags",
}
"""Names that the remaining modules lack on Windows or in a browser."""

NO_FILES = ("/dev/", "/proc/", "/sys/")
"""Folders that do not exist there, except for the null device."""


def strip_unix(processes: bool) -> None:
    """Remove what the system lacks; without `processes`, neither processes nor threads can start."""
    # Modules of the standard library depend on what is removed below, so they are adapted first.
    shutil.disk_usage = lambda path: SimpleNamespace(free=10 << 30)
    for name in ("os", "signal"):
        setattr(subprocess, name, SimpleNamespace(**vars(sys.modules[name])))
    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    for name, attributes in ABSENT.items():
        for module in {name, {"signal": "_signal", "os": "posix"}.get(name, name)}:
            for attribute in attributes.split():
                vars(import_module(module)).pop(attribute, None)
    for names in (os.supports_dir_fd, os.supports_effective_ids, os.supports_fd, os.supports_follow_symlinks):
        names.clear()
    for name in ("open", "stat", "lstat", "readlink", "listdir", "scandir"):
        setattr(os, name, _without_special_files(getattr(os, name)))
    builtins.open = io.open = _without_special_files(open)
    if not processes:
        sys.platform, sys.executable, os.environ["PATH"] = "emscripten", "", ""
        subprocess.Popen.__init__ = threading.Thread.start = _missing  # type: ignore[method-assign]
        import_module("_thread").start_new_thread = import_module("_signal").set_wakeup_fd = _missing


def _without_special_files(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function that opens or inspects files, for a system without Unix's special files."""

    def called(path: Any, *arguments: Any, dir_fd: None = None, **more: Any) -> Any:
        if isinstance(path, str) and f"{path}/".startswith(NO_FILES) and path != os.devnull:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return function(path, *arguments, **more)

    return called


class _MissingError(OSError, RuntimeError):
    """Raised where a process or a thread would start."""


def _missing(*arguments: object, **more: object) -> None:
    raise _MissingError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))


def main(system: str, lines: str) -> None:
    """Run command lines as the program does, then import every module."""
    strip_unix(system == "windows")
    from rnncli import __main__, __path__, cli
    from rnncli.formats.keras import hdf5

    hdf5._PROGRAM = f"import runpy; runpy.run_path({__file__!r})['strip_unix'](True)\n{hdf5._PROGRAM}"
    started, ends = cli._obey, os._exit
    cli._obey = os._exit = lambda *given: None  # type: ignore[assignment]  # only what comes before
    __main__.main()
    cli._obey, os._exit = started, ends
    os.environ["RNNCLI_DEBUG"] = "1"  # let unexpected exceptions through
    for line in json.loads(lines):
        *words, last = line
        if last.startswith("<"):
            os.dup2(os.open(last[1:], os.O_RDONLY), 0)
            sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), encoding="utf-8")
        report(line, partial(cli.run, words if last.startswith("<") else line))
    for module in walk_packages(__path__, "rnncli."):
        report(["import", module.name], partial(import_module, module.name))


def report(line: list[str], work: Callable[[], object]) -> None:
    """Report on standard error how a task ended: its exit status or failure; an import has neither."""
    try:
        done = work()
        ended = done if isinstance(done, int) else 0
    except BaseException as failure:
        ended = f"{failure!r}, {traceback.format_exception(failure)[-2]}"
    print(json.dumps([line, ended]), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
