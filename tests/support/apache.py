"""A real Apache of a test's own on loopback: settings in a WebDAV folder, jobs as a CGI, redirects and odd bodies."""

import asyncio
import fcntl
import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx

from bot.http import free_port

START_TIMEOUT_S = 15.0
TOKEN = "correct-horse-battery"
_MODULES = Path("/usr/lib/apache2/modules")
_WANTED = (
    "mpm_prefork authn_core authz_core alias cgi dav dav_fs deflate env filter headers mime setenvif socache_shmcb ssl"
)
PROGRAM = shutil.which("apache2") or shutil.which("apache2", path="/usr/sbin")

_CONFIG = """
{load}
ServerRoot "{folder}"
ServerName 127.0.0.1
PidFile "{folder}/apache.pid"
DefaultRuntimeDir "{folder}"
ErrorLog "{folder}/error.log"
LogLevel warn
LogFormat "%p %m %U %>s %{{Authorization}}i" asked
CustomLog "{folder}/asked.log" asked
StartServers 4
MaxRequestWorkers 16
KeepAliveTimeout 1
Listen 127.0.0.1:{port}
Listen 127.0.0.1:{other_port}
DavLockDB "{folder}/locks"
DocumentRoot "{folder}/pages"
TypesConfig /dev/null
AddType application/json .json
SetEnv JOBS "{folder}/jobs"
<Directory "{folder}">
    Require all granted
</Directory>
<Location /settings>
    Dav On
    Require expr "%{{HTTP:Authorization}} == 'Bearer {token}'"
</Location>
ScriptAlias /jobs {folder}/programs/jobs
ScriptAlias /odd {folder}/programs/odd
SetEnvIf Request_URI short ap_trust_cgilike_cl
Alias /packed {folder}/pages/settings
<Location /packed>
    SetEnv force-gzip
    SetOutputFilter DEFLATE
</Location>
<VirtualHost 127.0.0.1:{port}>
    Redirect permanent /moved http://localhost:{other_port}/settings
    RedirectMatch 307 ^/away/(.*)$ http://localhost:{other_port}/settings/$1
</VirtualHost>
<VirtualHost 127.0.0.1:{other_port}>
</VirtualHost>
{more}
"""

_JOBS = """#!/bin/sh
# POST /jobs/start: a job under its key, once; GET /jobs/at/KEY: what $JOBS/KEY says of it. A .slow file holds both up.
name=${PATH_INFO##*/}
[ "$REQUEST_METHOD" != POST ] || name=$HTTP_IDEMPOTENCY_KEY
case "$REQUEST_METHOD $PATH_INFO" in
"POST /start")
    [ -e "$JOBS/$name" ] || { echo running >"$JOBS/$name"; echo "$name" >>"$JOBS/begun"; }
    answer="Status: 202 Accepted\nLocation: /jobs/at/$name\n"
    ;;
"GET /at/"*) [ -e "$JOBS/$name" ] || answer='Status: 404 Not Found\n' ;;
esac
if [ -e "$JOBS/slow" ]; then rm "$JOBS/slow"; exec sleep 20; fi
[ ! -e "$JOBS/$name" ] || read -r phase <"$JOBS/$name"
printf "${answer}Content-Type: application/json\n\n"
printf '{"job": "%s", "phase": "%s", "why": "the pump stalled"}' "$name" "$phase"
"""

_ODD = """#!/bin/sh
# Bodies that are not what their head promises; the pause parts what Apache would send as one.
printf 'Content-Type: application/json\n'
case "$PATH_INFO" in
*short*) printf 'Content-Length: 500\n\n{"gain_db": 1'; sleep 0.1 ;;
*chunks*) printf '\n{"gain_'; sleep 0.1; printf 'db": 1}' ;;
*cut*) printf '\n{"gain_db": 1, "mo'; sleep 0.1; kill -9 $$ ;;
esac
"""


class Apache:
    """A private instance below `folder`; `more` is added to its configuration, with `{folder}` filled in."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folder, self.jobs = folder, folder / "jobs"
        self.port, self.other_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [PROGRAM or "apache2", "-f", str(folder / "apache.conf")]
        self._process: subprocess.Popen[bytes] | None = None
        self._turn: IO[str] | None = None
        for place in ("jobs", "pages/settings", "programs"):
            (folder / place).mkdir(parents=True)
        for name, text in (("jobs", _JOBS), ("odd", _ODD)):
            (folder / "programs" / name).write_text(text, encoding="utf-8")
            (folder / "programs" / name).chmod(0o755)
        load = "\n".join(f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in _WANTED.split())
        ports = {"port": self.port, "other_port": self.other_port, "token": TOKEN}
        text = _CONFIG.format(folder=folder, load=load, more=more.replace("{folder}", str(folder)), **ports)
        (folder / "apache.conf").write_text(text, encoding="utf-8")

    def write(self, name: str, settings: dict[str, Any], *, age_s: float = 60.0) -> None:
        """A settings document, last changed so long ago: to Apache what is younger than a second may change unseen."""
        file = self.folder / "pages/settings" / f"{name}.json"
        file.write_text(json.dumps(settings), encoding="utf-8")
        os.utime(file, (time.time() - age_s,) * 2)
        self._own(file)

    def read(self, name: str) -> Any:
        """What the document says now."""
        return json.loads((self.folder / "pages/settings" / f"{name}.json").read_text(encoding="utf-8"))

    def asked(self) -> list[str]:
        """Port, method, path, status and Authorization of each request so far."""
        return (self.folder / "asked.log").read_text(encoding="utf-8").splitlines()

    def start(self) -> None:
        """Start, and return once it answers; one at a time on a machine: several get in each other's way."""
        self._turn = (Path(tempfile.gettempdir()) / "bellhop-tests-apache.lock").open("w", encoding="utf-8")
        fcntl.flock(self._turn, fcntl.LOCK_EX)
        for place in (self.folder, *self.folder.rglob("*")):
            self._own(place)
        user, group = _unprivileged()
        groups = None if group is None else [group]
        self._process = subprocess.Popen([*self._command, "-DFOREGROUND"], user=user, group=group, extra_groups=groups)
        self._wait(self.answers)

    def restart(self) -> None:
        """As `apachectl -k restart`: every child and connection ends at once, the configuration is read anew."""
        assert self._process is not None
        before = self._log().count("resuming normal operations")
        subprocess.run([*self._command, "-k", "restart"], check=True, capture_output=True)
        self._wait(lambda: self._log().count("resuming normal operations") > before and self.answers())

    def restart_once(self, ripe: Callable[[], bool]) -> asyncio.Task[None]:
        """Restart as soon as something is so, beside the caller."""

        async def restarting() -> None:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not ripe():  # noqa: ASYNC110 - a file of another process
                    await asyncio.sleep(0.01)
            await asyncio.to_thread(self.restart)

        return asyncio.create_task(restarting())

    def finish(self, key: str, phase: str) -> None:
        """Let a job say this of itself from now on."""
        (self.jobs / key).write_text(f"{phase}\n", encoding="utf-8")

    def begun(self) -> list[str]:
        """The keys of all jobs that were begun, once for each beginning."""
        return (self.jobs / "begun").read_text(encoding="utf-8").splitlines()

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(START_TIMEOUT_S)
        if self._turn is not None:
            self._turn.close()

    def answers(self) -> bool:
        """Whether it answers now."""
        try:
            return httpx.get(f"{self.url}/none", trust_env=False).status_code == 404
        except httpx.TransportError:
            return False

    def _log(self) -> str:
        return (self.folder / "error.log").read_text(encoding="utf-8")

    def _wait(self, there: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            if there():
                return
            time.sleep(0.01)
        log = self.folder / "error.log"
        raise AssertionError(f"Apache is not ready: {self._log() if log.exists() else 'it wrote no log'}")

    def _own(self, place: Path) -> None:
        user, group = _unprivileged()
        if user is not None:
            os.chown(place, user, group or -1)


@contextmanager
def running_apache(more: str = "", certificates: Callable[[Path], None] | None = None) -> Iterator[Apache]:
    """A fresh instance, removed at the end; `certificates` puts files into its folder before it starts."""
    with tempfile.TemporaryDirectory(prefix="bellhop-apache-", ignore_cleanup_errors=True) as place:
        if certificates is not None:
            certificates(Path(place))
        apache = Apache(Path(place), more)
        try:
            apache.start()
            yield apache
        finally:
            apache.stop()


def _unprivileged() -> tuple[int, int] | tuple[None, None]:
    """User and group for Apache where the tests run as root, which it may not keep; None to stay who one is."""
    if os.getuid() != 0:
        return None, None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("www-data") or known["nobody"]
    return entry.pw_uid, entry.pw_gid
