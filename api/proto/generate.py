"""Write pycore/client/_generated from the .proto files: ``make proto``.

The generator is pinned and runs in a virtual environment of its own, because it is older than the protobuf
the server runs with, on purpose: generated code works with its own and the next major version of protobuf,
so the lowest generator that suits keeps the widest range of installations working.
"""

import hashlib
import re
import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

GENERATOR = "grpcio-tools==1.72.2"
PROTO = Path(__file__).resolve().parent
OUTPUT = PROTO.parents[1] / "pycore" / "client" / "_generated"
PACKAGE = "pycore.client._generated"
_IMPORT = re.compile(r"^from pycore\.(\w+)\.v1 import", re.MULTILINE)
STAMP = OUTPUT / "sources.sha256"


def source_digest() -> str:
    """Return what the generated files depend on, as one digest."""
    digest = hashlib.sha256(GENERATOR.encode())
    for path in sorted(PROTO.rglob("*.proto")):
        digest.update(path.relative_to(PROTO).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def output_digest() -> str:
    """Return the generated files' digest, so that a hand edit is noticed."""
    digest = hashlib.sha256()
    for path in sorted(p for p in OUTPUT.rglob("*") if p.suffix in {".py", ".pyi"}):
        digest.update(path.relative_to(OUTPUT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def stamp() -> str:
    """Return the stamp that current generated files carry."""
    return f"sources {source_digest()}\noutputs {output_digest()}\n"


def _run_generator(environment: Path) -> None:
    venv.create(environment, with_pip=True)
    python = str(environment / "bin" / "python")
    # grpcio-tools of this age still imports pkg_resources.
    install = [python, "-m", "pip", "install", "-q", GENERATOR, "setuptools<81"]
    subprocess.run(install, check=True)  # noqa: S603 - our own words only
    protos = [path.relative_to(PROTO).as_posix() for path in sorted(PROTO.rglob("*.proto"))]
    outputs = [f"--{kind}_out={OUTPUT}" for kind in ("python", "pyi")]
    generate = [python, "-m", "grpc_tools.protoc", f"-I{PROTO}", *outputs, *protos]
    subprocess.run(generate, check=True)  # noqa: S603 - our own words only


def _move_imports() -> None:
    """Let the stubs import each other below ``PACKAGE``: the proto package ``pycore`` is not the library."""
    for path in OUTPUT.rglob("*_pb2*.py*"):
        text = path.read_text()
        moved = re.sub(
            r"^from pycore\.(\w+)\.v1 import", rf"from {PACKAGE}.pycore.\1.v1 import", text, flags=re.MULTILINE
        )
        path.write_text(moved)


def main() -> int:
    """Generate, and say what was written."""
    for path in (p for p in OUTPUT.rglob("*_pb2*") if p.is_file()):
        path.unlink()
    with TemporaryDirectory() as environment:
        _run_generator(Path(environment))
    _move_imports()
    for folder in [OUTPUT, *(p for p in OUTPUT.rglob("*") if p.is_dir() and p.name != "__pycache__")]:
        (folder / "__init__.py").touch()
    STAMP.write_text(stamp())
    print(f"wrote {OUTPUT} with {GENERATOR}")  # noqa: T201 - a command
    return 0


if __name__ == "__main__":
    sys.exit(main())
