"""`python -m mutants [NAME ...]`: try every mutation, or those named; exit code 1 unless every one is caught."""

import sys
from pathlib import Path

import click

from mutants import report
from mutants.mutation import load
from mutants.trial import LIMIT, Result, copy_of_the_tree, run_tests, try_out


@click.command()
@click.argument("names", nargs=-1)
@click.option("--list", "list_only", is_flag=True, help="List the mutations and what each would cost.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the results to this file as well.")
def main(names: tuple[str, ...], list_only: bool, json_path: Path | None) -> None:
    """Put faults into a copy of the code, one at a time, and see whether the tests notice."""
    mutations, inapplicable = load()
    chosen = [one for one in mutations if not names or one.name in names]
    if unknown := set(names) - {one.name for one in mutations}:
        raise click.UsageError(f"no mutation is called {', '.join(sorted(unknown))}")
    if list_only:
        for one in chosen:
            click.echo(f"{one.name:42} {one.file:32} {one.consequence}")
        return
    results: list[Result] = []
    with copy_of_the_tree() as copy:
        tests = sorted({test for one in chosen for test in one.tests})
        code, output = run_tests(tests, copy, limit=4 * LIMIT)
        if code:
            raise click.ClickException(f"the tests fail without any mutation:\n{output[-3000:]}")
        for one in chosen:
            results.append(try_out(one, copy))
            click.echo(f"{results[-1].outcome:10} {one.name} ({results[-1].seconds:.0f} s)")
    report.table(results)
    if json_path:
        report.write_json(json_path, results)
    if not names:
        report.PAGE.write_text(report.page(mutations, inapplicable, results))
    sys.exit(0 if all(result.good for result in results) else 1)


if __name__ == "__main__":
    main()
