"""One campaign's file, read without the rest of a site: nothing is needed that only a running router needs.

A file that lies in a directory `campaigns` is read together with its neighbours and with `../ringfair.toml` where that
is there, so that overflow finds its target and all faults are told as `check-config` tells them. A draft that lies
anywhere else stands for itself. Secrets, databases and phones are not looked for.
"""

import re
from pathlib import Path

from router.config.campaign import CampaignFile
from router.config.faults import SENTENCES, SLUG, Faults
from router.config.rulebook import compile_rules, where
from router.config.settings import Settings
from router.config.site import SETTINGS_FILE, read_campaigns, read_file
from router.domain.ids import CampaignName
from router.domain.rulebook.rules import Rules


def load_campaign(path: Path) -> tuple[Rules, CampaignName]:
    """The rules with this campaign among them, and its name. Raises `ConfigError` with every fault."""
    path = path.absolute()
    faults = Faults()
    if path.suffix != ".toml" or not re.fullmatch(SLUG, path.stem):
        faults.add(where(path.stem), "(file name)", path.name, f"NAME.toml, NAME of {SENTENCES[SLUG]}")
        faults.settle()
    settings = Settings.model_validate({"asterisk": {"systemname": "unknown"}})
    if path.parent.name == "campaigns" and path.is_file():
        files, broken = read_campaigns(path.parent, faults)
        beside = path.parent.parent / SETTINGS_FILE
        if beside.is_file():
            settings = read_file(beside, SETTINGS_FILE, Settings, faults) or settings
    else:
        file = read_file(path, where(path.stem), CampaignFile, faults)
        files, broken = ({path.stem: file}, set()) if file else ({}, {path.stem})
    rules = compile_rules(settings, files, broken, faults)
    faults.settle()
    return rules, CampaignName(path.stem)
