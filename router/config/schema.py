"""JSON Schema of the configuration files, for editors that complete and check TOML (Taplo, Even Better TOML).

The schema knows each file by itself; what holds between files only `ringfair check-config` sees.
"""

from typing import Any

from router.config.campaign import CampaignFile
from router.config.settings import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """File name of the schema → the schema."""
    return {
        "ringfair.schema.json": {"$schema": DIALECT, **Settings.model_json_schema()},
        "campaign.schema.json": {"$schema": DIALECT, **CampaignFile.model_json_schema()},
    }
