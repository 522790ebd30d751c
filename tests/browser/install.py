"""Finds Chromium, and installs it from Debian's packages if it is missing."""

from __future__ import annotations

import os
import shutil
import subprocess

from chromium import BrowserError

PROGRAMS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
PACKAGES = ["chromium", "fonts-dejavu-core"]


def find() -> str | None:
    """Returns the path of an installed Chromium."""
    paths = (shutil.which(program) for program in PROGRAMS)
    return next((path for path in paths if path), None)


def find_or_install() -> str:
    """Returns the path of Chromium, which is installed from Debian's packages if it is missing."""
    found = find()
    if found:
        return found
    remedy = "install Chromium, so that one of these is in PATH: " + ", ".join(PROGRAMS)
    apt = shutil.which("apt-get")
    if not apt or os.geteuid() != 0:
        reason = "this computer has no apt-get" if not apt else "only root can install packages"
        raise BrowserError(f"there is no Chromium, and {reason}: {remedy}")
    print(f"There is no Chromium: installing {' and '.join(PACKAGES)} with apt-get.", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["install", "--yes", "--quiet", "--no-install-recommends", *PACKAGES]
    for command in (["update", "--quiet"], install):
        done = subprocess.run(  # noqa: S603
            [apt, *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise BrowserError(f"`apt-get {command[0]}` failed: {done.stdout[-2000:]}\n{remedy}")
    found = find()
    if not found:
        raise BrowserError(f"apt-get installed no Chromium: {remedy}")
    return found
