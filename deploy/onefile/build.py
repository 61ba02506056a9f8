#!/usr/bin/env python3
"""Build Halftrack as one file that runs where nothing is installed and nothing can be fetched.

    build.py [WHEEL] DIRECTORY       writes DIRECTORY/halftrack-VERSION-linux-MACHINE

It carries its wheels, the interpreter that builds it, and the libc of both, so that the node's own do not
matter. Of the wheels it takes those for glibc 2.17, and Polars' runtime for processors without AVX2. What is
put in has a line in ``contents.json``; the same inputs give the same bytes.
"""

from __future__ import annotations

import compileall
import gzip
import hashlib
import json
import os
import platform
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent.parent
MACHINE: Final = platform.machine()
PLATFORM: Final = f"manylinux_2_17_{MACHINE}"
OTHER_NAMES: Final = {"x86_64": "manylinux2014_x86_64", "aarch64": "manylinux2014_aarch64"}
LEFT_OUT: Final = {"polars-runtime-32"}
"""Needs AVX2; ``polars-runtime-compat`` stands in for it."""

# Parts of the standard library that no verb can ask for, and what would bring libraries of its own.
UNUSED: Final = {
    *("__pycache__", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages", "dist-packages"),
    *("test", "tests", "tkinter", "turtledemo", "turtle.py"),
}
UNUSED_MODULES: Final = re.compile(
    r"_(ssl|hashlib|sqlite3|tkinter|curses|curses_panel|crypt|dbm|gdbm|uuid|test\w+|xxtestfuzz|ctypes_test)\."
    r"|(nis|readline|ossaudiodev|xxlimited\w*)\."
)
# Of the wheels: what compilers, type checkers and their own tests would read, and pip's notes.
UNREAD: Final = shutil.ignore_patterns(
    *("__pycache__", "tests", "*.pyi", "*.h", "*.a", "*.pxd", "f2py"),
    *("direct_url.json", "RECORD", "INSTALLER", "REQUESTED"),
)
PRELOADED: Final = b"/etc/ld.so.preload"
"""Which libraries the loader puts into every process: the node's are made for its own libc."""


def main() -> int:
    """Build, and say where it is."""
    *wheels, target = sys.argv[1:] or ["dist"]
    with tempfile.TemporaryDirectory(prefix="halftrack-onefile-") as name:
        tree = Path(name) / "tree"
        interpreter(tree / "python")
        packages = wheels_into(tree, wheels[0] if wheels else str(ROOT), Path(name))
        libraries = libraries_into(tree)
        files(tree)
        kernel = oldest_kernel(tree / "lib" / "libc.so.6")
        version = packages["halftrack"]
        contents = {
            "machine": MACHINE, "kernel": kernel, "python": platform.python_version(),
            "libc": os.confstr("CS_GNU_LIBC_VERSION"), "libraries": libraries, "packages": packages,
        }  # fmt: skip
        (tree / "contents.json").write_text(
            json.dumps(contents, indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )
        packed = pack(tree)
        path = Path(target) / f"halftrack-{version}-linux-{MACHINE}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(head(packed, version, kernel, size_mib(tree)) + packed)
        path.chmod(0o755)
    print(path)
    return 0


def stdlib_name() -> str:
    """Where an interpreter looks for its library, below its prefix."""
    return f"lib/python{sys.version_info.major}.{sys.version_info.minor}"


def interpreter(python: Path) -> None:
    """The interpreter that runs this, and its standard library without what is never imported."""
    (python / "bin").mkdir(parents=True)
    shutil.copy2(Path(sys._base_executable).resolve(), python / "bin" / "python")  # noqa: SLF001  # of a venv: its base
    library = python / stdlib_name()

    def unused(directory: str, names: list[str]) -> set[str]:
        loads = Path(directory).name == "lib-dynload"
        return {
            name for name in names
            if name in UNUSED or name.startswith("config-") or (loads and UNUSED_MODULES.match(name))
        }  # fmt: skip

    shutil.copytree(sysconfig.get_path("stdlib"), library, ignore=unused)


def wheels_into(tree: Path, halftrack: str, work: Path) -> dict[str, str]:
    """Install Halftrack and what it needs; names and versions. ``halftrack``: a wheel, or the sources."""
    wanted = work / "halftrack"
    pip("wheel", "--no-deps", "--wheel-dir", str(wanted), halftrack)
    wheel = str(next(wanted.glob("*.whl")))
    of_platform = [
        "--only-binary",
        ":all:",
        "--platform",
        PLATFORM,
        "--platform",
        OTHER_NAMES.get(MACHINE, PLATFORM),
    ]
    report = work / "report.json"
    staging = work / "packages"
    resolving = ("--dry-run", "--ignore-installed", "--report", str(report))
    pip("install", *resolving, *of_platform, "--target", str(staging), wheel)
    found = {
        one["metadata"]["name"].lower(): one["metadata"]["version"]
        for one in json.loads(report.read_text(encoding="utf-8"))["install"]
    }
    chosen = {name: version for name, version in found.items() if name not in LEFT_OUT}
    chosen["polars-runtime-compat"] = chosen["polars"]
    exact = [f"{name}=={version}" for name, version in chosen.items() if name != "halftrack"]
    pip("install", "--no-deps", "--no-compile", *of_platform, "--target", str(staging), wheel, *exact)
    shutil.rmtree(staging / "bin", ignore_errors=True)
    if (staging / "share").exists():
        shutil.move(staging / "share", tree / "share")
    shutil.copytree(staging, tree / "python" / stdlib_name() / "site-packages", ignore=UNREAD)
    return dict(sorted(chosen.items()))


def pip(*words: str) -> None:
    """Raises SystemExit with what pip says."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", words[0], "--quiet", *words[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"onefile: {done.stderr.strip() or done.stdout.strip()}")


def libraries_into(tree: Path) -> dict[str, str]:
    """The loader and every shared library that files of the tree need; by name, which version."""
    lib = tree / "lib"
    lib.mkdir()
    found: dict[str, str] = {}
    for path in sorted(one for one in tree.rglob("*") if is_elf(one)):
        done = subprocess.run(["ldd", str(path)], capture_output=True, text=True, check=False)
        if "not found" in done.stdout:
            raise SystemExit(f"onefile: {path.relative_to(tree)}: {done.stdout.strip()}")
        named = re.findall(r"^\s*(\S+) => (/\S+)", done.stdout, re.MULTILINE)
        found |= {name: place for name, place in named if not Path(place).is_relative_to(tree)}
        for place in re.findall(r"^\s*(/\S*/ld-linux\S+)", done.stdout, re.MULTILINE):
            found["loader"] = place
    if "loader" not in found:
        raise SystemExit("onefile: needs an interpreter that is linked with glibc, dynamically")
    for name, place in found.items():
        shutil.copy2(place, lib / name)
    strip = shutil.which("strip")
    for path in lib.iterdir() if strip else ():
        path.chmod(0o755)
        subprocess.run([str(strip), "--strip-unneeded", str(path)], check=True)
    leave_alone_what_is_preloaded(lib / "loader")
    return {name: Path(place).resolve().name for name, place in sorted(found.items())}


def leave_alone_what_is_preloaded(loader: Path) -> None:
    """No option of the loader's says so: the name of that file becomes one that cannot be."""
    code = loader.read_bytes()
    if code.count(PRELOADED) != 1:
        raise SystemExit("onefile: the loader does not name the file of preloaded libraries once")
    loader.write_bytes(code.replace(PRELOADED, b"/dev/null".ljust(len(PRELOADED), b"/")))


def is_elf(path: Path) -> bool:
    """Whether the loader would take it."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def oldest_kernel(libc: Path) -> str:
    """The release from which on this libc starts at all, as its own note says (NT_GNU_ABI_TAG)."""
    note = re.search(rb"\x04\0\0\0\x10\0\0\0\x01\0\0\0GNU\0\0\0\0\0(.{12})", libc.read_bytes(), re.DOTALL)
    if note is None:
        raise SystemExit("onefile: the libc does not say which kernel it needs")
    return ".".join(str(int.from_bytes(note[1][at : at + 4], "little")) for at in (0, 4, 8))


def files(tree: Path) -> None:
    """What starts it, what is to be installed beside it, and its modules compiled once for all."""
    (tree / "bin").mkdir()
    for name in ("halftrack", "python"):
        shutil.copy2(HERE / f"{name}.sh", tree / "bin" / name)
        (tree / "bin" / name).chmod(0o755)
    library = tree / "python" / stdlib_name()
    # Programs of ours that start the interpreter once more start it with this libc.
    (library / "site-packages" / "sitecustomize.py").write_text(
        'import sys\n\nsys.executable = sys.prefix.removesuffix("python") + "bin/python"\n', encoding="ascii"
    )
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(
        library, quiet=2, invalidation_mode=mode, stripdir=str(tree), workers=os.cpu_count()
    )


def size_mib(tree: Path) -> int:
    """What it takes on disk."""
    return sum(-(-one.stat().st_size // 4096) * 4096 for one in tree.rglob("*") if one.is_file()) // 2**20 + 1


def pack(tree: Path) -> bytes:
    """The tree as tar and gzip, without times and owners; the file ``complete`` comes last."""
    paths = [*sorted(tree.rglob("*")), tree / "complete"]
    (tree / "complete").touch()
    archive = tree.parent / "tree.tar"
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in paths:
            entry = tar.gettarinfo(path, str(path.relative_to(tree)))
            entry.uid = entry.gid = entry.mtime = 0
            entry.uname = entry.gname = ""
            entry.mode = 0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644
            if entry.isreg():
                with path.open("rb") as file:
                    tar.addfile(entry, file)
            else:
                tar.addfile(entry)
    return gzip.compress(archive.read_bytes(), compresslevel=6, mtime=0)


def head(packed: bytes, version: str, kernel: str, mib: int) -> bytes:
    """The script before the archive; it knows how long the whole file is, itself included."""
    summed = hashlib.sha256(packed).hexdigest()
    values = {
        "VERSION": version, "FLOOR": kernel, "MACHINE": MACHINE, "MIB": mib, "SIZE": len(packed),
        "SUM": summed, "NAME": f"halftrack-{version}-{summed[:12]}", "TOTAL": len(packed),
    }  # fmt: skip
    script = (HERE / "head.sh").read_text(encoding="utf-8")
    while True:
        text = re.sub(r"@([A-Z]+)@", lambda found: str(values[found[1]]), script).encode()
        if len(text) + len(packed) == values["TOTAL"]:
            return text
        values["TOTAL"] = len(text) + len(packed)


if __name__ == "__main__":
    sys.exit(main())
