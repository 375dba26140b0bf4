"""`milepost rules`: one module a command or a few that belong together; each is entered here."""

import typer

from cli.rules.books import list_books, schema, show
from cli.rules.capture import capture
from cli.rules.check import check
from cli.rules.diff import diff
from cli.rules.history import history
from cli.rules.lint import lint
from cli.rules.new import new
from cli.rules.publish import publish
from cli.rules.trials import run_tests

app = typer.Typer(no_args_is_help=True, help="Rule books: check, show and list them; write their JSON schema.")
app.command()(new)
app.command()(check)
app.command()(lint)
app.command()(show)
app.command("list")(list_books)
app.command("test")(run_tests)
app.command()(capture)
app.command()(diff)
app.command()(publish)
app.command()(history)
app.command()(schema)
