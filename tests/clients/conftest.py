import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

import documents
import fluoro

HERE = Path(__file__).parent
REQUIRE_ALL = os.environ.get("FLUORO_REQUIRE_ALL") == "1"

for _name in ("http_proxy", "https_proxy", "all_proxy"):
    os.environ.pop(_name, None)
    os.environ.pop(_name.upper(), None)
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


def pytest_configure():
    if not fluoro.BINARY.exists():
        pytest.exit(f"{fluoro.BINARY} is missing: run script/build", returncode=2)


def need(present, what):
    """Skips the test by name of what is missing; with FLUORO_REQUIRE_ALL=1 that is a failure."""
    if not present:
        (pytest.fail if REQUIRE_ALL else pytest.skip)(f"{what} is not on this machine")


@pytest.fixture(scope="session")
def program():
    """program(name): the path of a program, else the test is skipped."""

    def find(name):
        path = shutil.which(name)
        need(path, name)
        return path

    return find


def _running(*flags):
    with tempfile.TemporaryDirectory(prefix="fluoro-") as folder:
        server = fluoro.Server(folder, *flags).start()
        try:
            yield server
            server.stop()
        finally:
            server.kill()


@pytest.fixture(scope="session")
def server():
    """One server of the open profile, for tests that keep to their own traces."""
    yield from _running()


@pytest.fixture(scope="session")
def aws_server():
    """One server that refuses what the real service refuses."""
    yield from _running("--limits", "aws")


@pytest.fixture
def new_server():
    """new_server(*flags): a started server on a folder of its own."""
    servers = []

    def make(*flags):
        # A short path: that of a unix socket has at most 107 bytes.
        server = fluoro.Server(tempfile.mkdtemp(prefix="fluoro-"), *flags)
        servers.append(server)
        return server.start()

    yield make
    for server in servers:
        try:
            server.stop()
        finally:
            server.kill()
            shutil.rmtree(server.folder)


@pytest.fixture(scope="session")
def xray(server):
    return server.boto3()


@pytest.fixture(scope="session")
def xray_aws(aws_server):
    return aws_server.boto3()


@pytest.fixture
def era():
    return documents.new_era()


@pytest.fixture(scope="session")
def node(program):
    """Starts Node with the X-Ray SDK at hand; the script is to follow."""
    modules = HERE / "node/node_modules"
    need((modules / "aws-xray-sdk-core").is_dir(), "the X-Ray SDK for Node (script/bootstrap)")
    return ["env", f"NODE_PATH={modules}", program("node")]


@pytest.fixture(scope="session")
def go_build(program, tmp_path_factory):
    """go_build(source): the binary of a program that uses the X-Ray SDK for Go."""

    def build(source):
        folder = tmp_path_factory.mktemp("go")
        for path in (source, HERE / "go/go.mod", HERE / "go/go.sum"):
            shutil.copy(path, folder)
        fetched = subprocess.run(
            [program("go"), "mod", "download"], cwd=folder, capture_output=True, check=False
        )
        need(fetched.returncode == 0, "the X-Ray SDK for Go")
        command = [program("go"), "build", "-o", "program", "."]
        built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert built.returncode == 0, built.stderr
        return folder / "program"

    return build


@pytest.fixture(scope="session")
def java(program):
    """Starts Java with the X-Ray SDK at hand; the source file is to follow."""
    jars = fluoro.ROOT / "build/clients/java"
    if not list(jars.glob("aws-xray-recorder-sdk-core-*.jar")):
        fetch = [program("mvn"), "-q", "-B", "dependency:copy-dependencies"]
        fetched = subprocess.run(fetch, cwd=HERE / "java", capture_output=True, text=True, check=False)
        need(fetched.returncode == 0, f"the X-Ray SDK for Java ({fetched.stdout.strip()[:200]})")
    return [program("java"), "-cp", f"{jars}/*"]


@pytest.fixture
def run_sdk(server):
    """run_sdk(command, …): runs an X-Ray program with the daemon's address in its environment, catches
    on the way what its SDK sends, waits until all of it is stored; gives the documents sent."""

    def stored():
        return server.metric("fluoro_segments_stored_total", source="udp")

    def run(*command):
        before = stored()
        with fluoro.UdpRelay(server) as relay:
            environment = {**os.environ, "AWS_XRAY_DAEMON_ADDRESS": relay.daemon_address}
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, done.stderr
        sent = [json.loads(document) for document in relay.documents()]
        assert sent, f"the SDK sent nothing: {done.stderr}"
        fluoro.wait_until(lambda: stored() == before + len(sent), f"{len(sent)} segments stored")
        return sent

    return run
