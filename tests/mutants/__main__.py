"""`python -m tests.mutants`: a sample of mutants, and which of them no test notices."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

import click

from tests.mutants.choosing import TestFiles
from tests.mutants.noting import EVERYONE, Chosen, Noting, run_with
from tests.mutants.places import Mutant, digest, sample
from tests.mutants.running import Runner, copied

ROOT = Path(__file__).parents[2]
#: What is mutated: files, and folders with all in them.
ROOMS = (
    "al/agents", "al/compare", "al/data_selector", "al/graphs", "al/kinds", "al/measures.py",
    "al/model_selector", "al/pipeline/stopping*", "al/state", "al/strategies",
)  # fmt: skip
RESULT = Path(__file__).with_name("survivors.json")


NOTICED = ("killed", "timeout")
#: How many times as long a run may take as without the mutant, before it counts as endless.
SLOWER = 3.0


class Session:
    """What is known already, a line each in a file: a kill costs the mutant that was running.

    It is known for as long as the function that the change is in stays as it was.
    """

    def __init__(self, file: Path, drawn: list[Mutant]) -> None:
        self.file = file
        self.found: dict[str, str] = {}
        code = {mutant.key: mutant.code for mutant in drawn}
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        for line in map(json.loads, lines):
            if code.get(line["key"]) == line["code"]:
                self.found[line["key"]] = line["how"]

    def note(self, mutant: Mutant, how: str, by: str) -> None:
        """Keep how a mutant ended, and which test noticed it."""
        self.found[mutant.key] = how
        with self.file.open("a", encoding="utf-8") as out:
            line = {"key": mutant.key, "code": mutant.code, "how": how, "by": by}
            out.write(json.dumps(line) + "\n")


class Trial:
    """Tries mutants on the tests that run what they change, nearest files and quickest first."""

    def __init__(self, runner: Runner, patience: float, grace: float = 20.0) -> None:
        self.runner, self.patience, self.grace = runner, patience, grace
        self.files = TestFiles(runner.tree)
        self.noted = runner.tree.parent / "noted"
        self.noted.mkdir(exist_ok=True)
        self.known: dict[str, dict[str, Any]] = {}

    def of(self, mutant: Mutant, *, wide: bool) -> tuple[str, str]:
        """How the near test files, or the wide ones, end with it: "killed", "timeout" or
        "survived"; and the test that failed."""
        source = (self.runner.tree / mutant.path).read_text(encoding="utf-8")
        files = (self.files.wide if wide else self.files.near)(mutant.path)
        chosen: dict[str, float] = {}
        for test, seconds in self._tests(files, mutant.path, source, mutant.line):
            if sum(chosen.values()) + seconds <= self.patience:
                chosen[test] = seconds
        if not chosen:
            return "survived", ""
        limit = SLOWER * sum(chosen.values()) + self.grace
        files = sorted({test.partition("::")[0] for test in chosen})
        with self.runner.mutated(mutant.path, mutant.applied(source)):
            outcome = self.runner.run(files, limit, Chosen(list(chosen)))
        failed = [x for x in outcome.log.splitlines() if x.startswith(("FAILED", "ERROR"))]
        how = {"passed": "survived", "failed": "killed"}.get(outcome.how, outcome.how)
        return how, " ".join(failed[:1])[:200]

    def _tests(
        self, files: list[str], path: str, source: str, line: int
    ) -> list[tuple[str, float]]:
        """Tests that run the line, with their seconds: those of the module's own file first, and
        the quickest of them.

        What is run when a module is imported concerns every test; of the head of a function
        or a class, those come first that run what is in it.
        """
        lines, within = run_with(source, line)
        found = []
        for file in files:
            noted = self._noted(file, path)
            by_line = noted["lines"].get(path, {})
            ran = {test for at in lines for test in by_line.get(str(at), ())}
            closest = {test for at in within for test in by_line.get(str(at), ())}
            own = Path(file).stem == f"test_{Path(path).stem}"
            found += [
                (test not in ran | closest and EVERYONE not in closest, not own, seconds, test)
                for test, seconds in noted["seconds"].items()
                if test in ran | closest or EVERYONE in ran
            ]
        return [(test, seconds) for *_, seconds, test in sorted(found)]

    def _noted(self, file: str, path: str) -> dict[str, Any]:
        """What the tests of a file run; found out once for what the file and the module say."""
        tree, out = self.runner.tree, self.noted / f"{file.replace('/', '_')}.json"
        if file not in self.known and out.exists():
            self.known[file] = json.loads(out.read_text("utf-8"))
        read = self.known.get(file, {}).get("of", {})
        if any(read.get(one) != digest(tree / one) for one in (file, path)):
            out.unlink(missing_ok=True)
            outcome = self.runner.run([file], 900.0, Noting(tree / self.runner.package, out))
            if outcome.how != "passed":
                click.echo(f"{file} without a mutant: {outcome.log[-500:]}")
            found = {"seconds": {}, "lines": {}}
            if out.exists():
                found = json.loads(out.read_text("utf-8"))
            sources = [one.relative_to(tree) for one in (tree / self.runner.package).rglob("*.py")]
            found["of"] = {str(one): digest(tree / one) for one in [file, *sources]}
            out.write_text(json.dumps(found), encoding="utf-8")
            self.known[file] = found
        return self.known[file]


@click.command()
@click.option("--count", default=320, help="How many mutants.", show_default=True)
@click.option("--seed", default=0, help="Of the sample.", show_default=True)
@click.option("--only", multiple=True, help="Rooms or files, in place of all.")
@click.option("--patience", default=6.0, help="Seconds of tests, twice.", show_default=True)
@click.option("--again", is_flag=True, help="Try those once more that survived.")
@click.option("--folder", default="build/mutants", help="For the copy and what is known.")
@click.option("--report", is_flag=True, help="Only say what is known, and write it down.")
def main(
    count: int,
    seed: int,
    only: tuple[str, ...],
    patience: float,
    again: bool,
    folder: str,
    report: bool,
) -> None:
    """Change a sample of places in the code, one at a time, and see whether a test fails."""
    kept = (ROOT / folder).resolve()
    kept.mkdir(parents=True, exist_ok=True)
    root = ROOT
    if not report:
        root = kept / "tree"  # which stays as it is, whatever is edited meanwhile
        copied(ROOT, root)
    modules = [m for room in only or ROOMS for m in _modules(root, room)]
    drawn = sample(root, modules, count, seed)
    session = Session(kept / "session.jsonl", drawn)
    if not report:
        trial, explained = Trial(Runner(root), patience), written()
        if again:
            session.found = {k: how for k, how in session.found.items() if how in NOTICED}
        click.echo(f"{len(session.found)} of {count} are known, in functions unchanged since")
        for wide, untried in ((False, None), (True, "near")):
            left = [m for m in drawn if session.found.get(m.key) == untried]
            for mutant in sorted(left, key=lambda m: bool(explained.get(m.key))):
                how, by = trial.of(mutant, wide=wide)
                session.note(mutant, "near" if how == "survived" and not wide else how, by)
                click.echo(f"{len(session.found)} {how}: {mutant.path}:{mutant.line}")
                if how == "survived":
                    click.echo("\n".join(changed(mutant, root)))
    found = summary(drawn, session.found, root)
    click.echo(json.dumps({k: v for k, v in found.items() if k != "survivors"}, indent=1))
    if not only:
        RESULT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        without = [s for s in found["survivors"] if not s["reason"]]
        click.echo(f"{len(without)} survivors without a reason in {RESULT.name}")


def summary(drawn: list[Mutant], found: dict[str, str], root: Path) -> dict[str, Any]:
    """Counts by room, and the survivors with the reasons that were written down for them."""
    reasons = written()
    rooms: dict[str, dict[str, Any]] = {}
    survivors = []
    for mutant in sorted(drawn, key=lambda m: (m.path, m.line)):
        how = found.get(mutant.key)
        how = "survived" if how == "near" else how or "untried"
        for name in ("all", "/".join(mutant.path.split("/")[:2])):
            rooms.setdefault(name, dict.fromkeys((*NOTICED, "survived", "untried"), 0))[how] += 1
        if how == "survived":
            lines = changed(mutant, root)
            survivors.append(
                {
                    "key": mutant.key,
                    "at": f"{mutant.path}:{mutant.line}",
                    "before": "\n".join(x[1:].strip() for x in lines if x.startswith("-")),
                    "after": "\n".join(x[1:].strip() for x in lines if x.startswith("+")),
                    "reason": reasons.get(mutant.key, ""),
                }
            )
    for counts in rooms.values():
        counts["share"] = round(sum(counts[how] for how in NOTICED) / sum(counts.values()), 3)
    return {"rooms": rooms, "survivors": survivors}


def written() -> dict[str, str]:
    """The reasons that were written down, by key."""
    before = json.loads(RESULT.read_text("utf-8"))["survivors"] if RESULT.exists() else []
    return {survivor["key"]: survivor["reason"] for survivor in before}


def changed(mutant: Mutant, root: Path) -> list[str]:
    """The lines that the mutant changes, with - and +."""
    source = (root / mutant.path).read_text(encoding="utf-8")
    diff = difflib.unified_diff(
        source.splitlines(), mutant.applied(source).splitlines(), lineterm="", n=0
    )
    return [line for line in list(diff)[2:] if not line.startswith("@@")]


def _modules(root: Path, room: str) -> list[str]:
    found = [p for path in root.glob(room) for p in ([path] if path.is_file() else path.rglob("*"))]
    return sorted(p.relative_to(root).as_posix() for p in found if p.suffix == ".py")


if __name__ == "__main__":
    main()
