"""A million people from a CSV file, against PostgreSQL's own COPY of the same file into a table without any index."""

import json
import random
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from app.accounts.setup import create_workspace
from app.audience.imports.start import import_file
from app.core.database import db, in_workspace
from app.core.migrations import migrate
from app.core.settings import Settings, load_settings
from app.factory import create_app
from app.runtime.services import services

ROWS = 1_000_000
NAMES = ("Ann", "Bob", "Carla", "Dédé", "Eko", "Fitri")
CITIES = ("Köln", "Jakarta", "Paris", "Oslo", "São Paulo")


def run(rows: int = ROWS, *, settings: Settings | None = None) -> dict[str, Any]:
    """Import `rows` people into a database of its own; rows a second of both, and the importer's peak memory."""
    with services(settings or load_settings()) as running, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        write_people(path, rows)
        name = f"bench_{secrets.token_hex(6)}"
        with psycopg.connect(running.database_url, autocommit=True) as server:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            try:
                url = urlsplit(running.database_url)._replace(path=f"/{name}").geturl()
                copied = _copy(url, path)
                imported = _in_a_process_of_its_own(url, path)
                copied_again = _copy(url, path)
            finally:
                server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    copy_seconds = min(copied, copied_again)
    return {
        "rows": rows,
        "file_bytes": imported["file_bytes"],
        "copy_rows_per_second": round(rows / copy_seconds),
        "import_rows_per_second": round(rows / imported["seconds"]),
        "import_seconds": round(imported["seconds"], 2),
        "times_copy": round(imported["seconds"] / copy_seconds, 1),
        "peak_memory_mb": round(imported["peak_memory_mb"], 1),
        "first_batch_memory_mb": round(imported["first_memory_mb"], 1),
        "counts": imported["counts"],
    }


def write_people(path: Path, rows: int) -> None:
    """A file of people who cannot exist: address, two names, and four attributes of four types."""
    dice = random.Random(7)
    with path.open("w", encoding="utf-8") as out:
        out.write("email,first_name,last_name,city,age,premium,joined\n")
        for number in range(rows):
            out.write(
                f"person.{number}@mail{dice.randrange(200)}.example.com,{NAMES[number % 6]},Surname{number % 9973},"
                f"{CITIES[number % 5]},{18 + number % 70},{'yes' if number % 3 else 'no'},"
                f"20{number % 25:02d}-{1 + number % 12:02d}-{1 + number % 28:02d}\n"
            )


def _copy(url: str, path: Path) -> float:
    """Seconds of COPY alone, into a table of text columns."""
    with psycopg.connect(url) as connection, path.open("rb") as file:
        connection.execute("DROP TABLE IF EXISTS plain")
        connection.execute("CREATE TABLE plain (a text, b text, c text, d text, e text, f text, g text)")
        start = time.perf_counter()
        with connection.cursor() as cursor, cursor.copy("COPY plain FROM STDIN (FORMAT csv, HEADER)") as copy:
            while piece := file.read(1024 * 1024):
                copy.write(piece)
        connection.commit()
        return time.perf_counter() - start


def _in_a_process_of_its_own(url: str, path: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.importing", url, str(path)]
    result: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return result


def _import(url: str, path: Path) -> dict[str, Any]:
    settings = Settings(database_url=url, redis_url="redis://127.0.0.1", secret_key=secrets.token_urlsafe(48))
    app = create_app(settings, web=False)
    memory: list[float] = []
    with app.app_context():
        migrate(db.engine)
        workspace = create_workspace("Benchmark")
        db.session.commit()
        with in_workspace(workspace.id):
            start = time.perf_counter()
            row = import_file(path, "Everybody", report=lambda _progress: memory.append(_peak_memory()))
            seconds = time.perf_counter() - start
            counts = {key: getattr(row, key) for key in ("added", "updated", "invalid", "duplicates", "suppressed")}
    return {
        "seconds": seconds,
        "file_bytes": path.stat().st_size,
        "first_memory_mb": memory[0],
        "peak_memory_mb": _peak_memory(),
        "counts": counts,
    }


def _peak_memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(_import(sys.argv[1], Path(sys.argv[2]))))
