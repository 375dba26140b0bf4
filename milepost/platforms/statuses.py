"""The statuses that jobs of a connection can have, where its settings say: for lint, which knows a slip by them."""

from milepost.platforms.csv.settings import STAGES, CsvSettings
from milepost.platforms.declared.load import load_description
from milepost.platforms.declared.settings import DeclaredSettings
from milepost.platforms.registry import PlatformSettings


def known_statuses(settings: PlatformSettings) -> tuple[str, ...]:
    """All statuses that can be met, in the platform's own words; none where it may have any. Raises ConfigError."""
    if isinstance(settings, CsvSettings):
        return (*settings.stages, *(word for word in STAGES if word not in settings.stages))
    if isinstance(settings, DeclaredSettings):
        return _declared(settings)
    return settings.statuses


def _declared(settings: DeclaredSettings) -> tuple[str, ...]:
    """Where the stage is read from the status itself, the words of its map: any other is an error of the job."""
    fields = {name: field for name, _, field in load_description(settings.file).description.job.maps()}
    status, stage = fields.get("status"), fields.get("stage")
    if status is None or stage is None or stage.map is None or stage.default is not None or status.map is not None:
        return ()
    return tuple(stage.map) if str(stage.path) == str(status.path) else ()
