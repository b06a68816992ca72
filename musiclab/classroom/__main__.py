"""The command: ``python -m musiclab.classroom collect FOLDER``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from musiclab.classroom import ClassroomError, Student, collect, table, write_csv
from musiclab.classroom.locks import what_holds


def main(arguments: list[str] | None = None) -> int:
    """Collect a class, print the table, and write the CSV if one is asked for."""
    parser = argparse.ArgumentParser(prog="python -m musiclab.classroom", description="For a teacher: who has solved what.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("collect", help="judge every answer of a class anew")
    command.add_argument("folder", help="holds a folder for each student, with the student's notebooks")
    command.add_argument("--csv", metavar="FILE", help="write a line for each student and exercise")
    command.add_argument("--train", action="store_true", help="run also answers that train a model (a minute or so each)")
    given = parser.parse_args(arguments)
    try:
        if given.csv and not Path(given.csv).absolute().parent.is_dir():  # said now, not after minutes of judging
            raise ClassroomError(f"The table could not be written to {given.csv}: there is no such folder.")
        students = collect(given.folder, train=given.train)
        print(table(students), what_holds(), sep="\n\n")
        if given.csv:
            _write(students, given.csv)
    except ClassroomError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The class could not be collected: {error}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Nothing was written.", file=sys.stderr)
        return 130
    return 0


def _write(students: list[Student], path: str) -> None:
    try:
        write_csv(students, path)
    except OSError as error:
        raise ClassroomError(f"The table could not be written to {path}: {error.strerror}.") from None


if __name__ == "__main__":
    sys.exit(main())
