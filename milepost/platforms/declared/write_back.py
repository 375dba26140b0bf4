"""What is told to a declared system after an invoice was made: a note, once, and the mark that the job was processed."""

import json
from collections.abc import Mapping

from milepost.errors import RemoteError
from milepost.platforms.convert import Misfit, as_text
from milepost.platforms.declared.description import NoteCheck, Write
from milepost.platforms.declared.expressions import filled_path, search
from milepost.platforms.declared.load import Loaded
from milepost.platforms.declared.paging import Listing, read_rows, unreadable
from milepost.platforms.declared.told import Told, as_told, filled_tree
from milepost.platforms.http import PlatformHttp
from milepost.platforms.protocol import WriteBack
from milepost.rules.templates import TemplateProblem, render


async def write_back(http: PlatformHttp, loaded: Loaded, job_id: str, told: WriteBack) -> None:
    """Leave the note unless a note with its key is there, and mark the job where that is wanted and described.

    Without a `check` in the description, a note whose answer was lost may come twice.
    """
    about = loaded.description.write_back
    values = as_told(job_id, told)
    if about.note and not (about.note.check and await _is_noted(http, loaded, about.note.check, values)):
        await _write(http, about.note, values, "note")
    if about.processed and told.processed:
        await _write(http, about.processed, values, "job")


async def _is_noted(http: PlatformHttp, loaded: Loaded, check: NoteCheck, told: Told) -> bool:
    where = loaded.where("write_back", "note", "check")
    path = filled_path(check.path, told.job_id, {}) or ""
    notes = await read_rows(http, Listing(path, check.params, check.rows, check.paging, where, "notes"))
    try:
        return any(told.key in (as_text(search(check.text, note)) or "") for note in notes)
    except Misfit as misfit:
        raise unreadable(http, check.path, f"text: {misfit}", where) from misfit


async def _write(http: PlatformHttp, write: Write, told: Told, entity: str) -> None:
    path = filled_path(write.path, told.job_id, {}) or ""
    content, headers = _filled(http, write, told)
    await http.send(write.method, path, content=content, headers=headers, entity=entity)


def _filled(http: PlatformHttp, write: Write, told: Told) -> tuple[str, Mapping[str, str]]:
    try:
        body = json.dumps(filled_tree(write.body, told), ensure_ascii=False)
        return body, {name: render(text, {"told": told}) for name, text in write.headers.items()}
    except TemplateProblem as error:
        raise RemoteError(http.system, f"{write.method} {write.path}", error.why, permanent=True) from error
