"""script/bootstrap does nothing when satisfied; tools/trixie-source reads apt's sources."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

STANZAS = """\
# the system's sources
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main
"""


@pytest.fixture
def trixie_source(tmp_path):
    """trixie_source({file: text}): exit code and output with these files in apt's folder."""

    def of(files):
        (tmp_path / "sources.list.d").mkdir(exist_ok=True)
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        done = subprocess.run([ROOT / "tools/trixie-source", tmp_path], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    return of


def source(uri, key=None):
    lines = ["Types: deb", f"URIs: {uri}", "Suites: trixie", "Components: main"]
    return "".join(f"{line}\n" for line in lines + ([f"Signed-By: {key}"] if key else []))


def test_address_and_key_come_from_the_stanza_of_the_release(trixie_source):
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    assert trixie_source({"sources.list.d/debian.sources": STANZAS}) == (0, source("http://mirror.example/debian", key))


@pytest.mark.parametrize("line, expected", [
    ("deb http://mirror.example/debian bookworm main", source("http://mirror.example/debian")),
    ("deb http://mirror.example/debian/ oldstable main contrib # ours", source("http://mirror.example/debian/")),
    ("deb [arch=amd64 signed-by=/etc/k.gpg] https://m.example/d bookworm main", source("https://m.example/d", "/etc/k.gpg")),
])
def test_address_and_key_come_from_a_line(trixie_source, line, expected):
    assert trixie_source({"sources.list": f"# comment\n{line}\n"}) == (0, expected)


@pytest.mark.parametrize("text", [
    "deb-src http://mirror.example/debian bookworm main",
    "deb http://security.example/debian-security bookworm-security main",
    "# deb http://mirror.example/debian bookworm main",
    "deb cdrom:[Debian_12]/ bookworm main",
])
def test_what_is_not_the_release_over_the_net_is_no_source(trixie_source, text):
    code, output = trixie_source({"sources.list": f"{text}\n"})
    assert code != 0 and output == ""


@pytest.mark.parametrize("change", [("Types: deb\n", "Types: deb-src\n"), ("Types: deb\n", "Enabled: no\nTypes: deb\n")])
def test_a_stanza_that_gives_no_packages_is_no_source(trixie_source, change):
    code, output = trixie_source({"sources.list.d/debian.sources": STANZAS.replace(*change)})
    assert code != 0 and output == ""


@pytest.mark.parametrize("arguments", [[], ["--run"], ["--build"]])
def test_a_satisfied_bootstrap_calls_nothing_and_says_nothing(tmp_path, arguments):
    for name in ("apt-get", "apt-cache", "sudo", "npm", "go", "mvn"):
        stub = tmp_path / name
        stub.write_text(f"#!/bin/sh\necho called {name}\nexit 1\n")
        stub.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        [ROOT / "script/bootstrap", *arguments], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
