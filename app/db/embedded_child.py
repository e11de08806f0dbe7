"""Run as a script by `embedded.py`: drops root, ties the process to its supervisor's life, becomes the given program.

Arguments: the supervisor's pid, uid and gid to take (-1 to keep), then the program and its arguments. A script of its
own because code between fork and exec of a process with threads may deadlock.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Never returns: replaces this process."""
    supervisor, uid, gid = map(int, sys.argv[1:4])
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After the change of user, which would clear it. SIGINT asks PostgreSQL for a fast shutdown. Elsewhere than on
    # Linux the next start adopts a leftover server instead.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
    if os.getppid() != supervisor:
        sys.exit("the supervisor died before its server was started")
    os.execv(sys.argv[4], sys.argv[4:])


if __name__ == "__main__":
    main()
