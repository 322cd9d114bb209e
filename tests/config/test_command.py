"""`ringfair check-config`, `ringfair schema`, and the sample site they are shown with."""

import json
import re
import tomllib
from pathlib import Path

from typer.testing import CliRunner

from router.cli.config import app
from router.config.campaign import CampaignFile
from router.config.schema import schemas
from router.config.settings import Settings
from tests.config.site_files import SAMPLE, SECRET, SHOP, WriteSite


def test_check_config_shows_what_will_be_obeyed() -> None:
    result = CliRunner().invoke(app, ["check-config", str(SAMPLE)], env={**SECRET, "COLUMNS": "120"})
    assert result.exit_code == 0
    for text in ("+493023125100", "shop/orders", "de >= 60 and orders", "merge into one pool"):
        assert text in result.output


def test_check_config_speaks_json() -> None:
    result = CliRunner().invoke(app, ["check-config", "--json"], env={**SECRET, "RINGFAIR_CONFIG": str(SAMPLE)})
    answer = json.loads(result.stdout)
    assert answer["pool"] == "main"
    assert answer["queues"][1]["overflow"] == ["queue:shop/general", "closing"]


def test_check_config_tells_every_fault_and_ends_with_2(a_site: WriteSite) -> None:
    directory = a_site(shop=SHOP + 'need = "[bold]de"\nring_s = 0\n')
    result = CliRunner().invoke(app, ["check-config", "--config", str(directory)], env=SECRET)
    assert result.exit_code == 2
    assert "queue.orders.need" in result.stderr
    assert "queue.orders.ring_s" in result.stderr
    assert "[bold]" in result.stderr
    as_json = CliRunner().invoke(app, ["check-config", str(directory), "--json"], env=SECRET)
    assert as_json.exit_code == 2
    assert len(json.loads(as_json.stdout)["details"]["faults"]) == 2


def test_the_schemas_are_written_where_they_are_wanted(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["schema", "--out", str(tmp_path / "schema")])
    assert result.exit_code == 0
    for name, content in schemas().items():
        assert json.loads((tmp_path / "schema" / name).read_text()) == content
    printed = CliRunner().invoke(app, ["schema"])
    assert json.loads(printed.stdout) == schemas()


def test_schemas_that_cannot_be_written_are_an_error_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(app, ["schema", "--out", str(tmp_path / "file" / "schema")])
    assert result.exit_code == 1
    assert "cannot write" in result.stderr


def test_the_schema_describes_every_key_and_allows_no_other() -> None:
    for schema in schemas().values():
        for table in [schema, *(one for one in schema["$defs"].values() if "enum" not in one)]:
            assert table["additionalProperties"] is False
    properties = schemas()["campaign.schema.json"]["$defs"]["QueueTable"]["properties"]
    assert all("description" in key for key in properties.values())


def keys_of(schema: dict[str, object], table: str) -> list[str]:
    return list(schema["$defs"][table]["properties"])  # type: ignore[index]


def test_the_sample_has_every_key_with_a_remark_above_it_and_its_default() -> None:
    settings = (SAMPLE / "ringfair.toml").read_text()
    schema = Settings.model_json_schema()
    for name in ("Router", "Asterisk", "Telemetry", "Redis", "Ledger", "QueueLog", "Http", "Shifts", "Agents"):
        table = "queue_log" if name == "QueueLog" else name.lower()
        section = settings.partition(f"[{table}]\n")[2].partition("\n\n")[0]
        for key in keys_of(schema, name):
            assert re.search(rf"^# .*\n(#?\w+ = .*\n)*#?{key} = ", section, re.MULTILINE), f"{name}.{key}"
    campaign = (SAMPLE / "campaigns" / "shop.toml").read_text()
    for name in ("CampaignTable", "QueueTable", "TreatmentTable"):
        for key in keys_of(CampaignFile.model_json_schema(), name):
            if key == "treatment":
                continue  # a table of its own
            shown = r"#\[queue\.orders\.callback\]" if key == "callback" else f"{key} = "  # a table of its own
            assert re.search(rf"^# .*\n(\w+ = .*\n)*{shown}", campaign, re.MULTILINE), f"{name}.{key}"
    for key in keys_of(CampaignFile.model_json_schema(), "HoursTable"):
        assert re.search(rf"^# .*\n(#?\w+ = .*\n)*#{key} = ", campaign, re.MULTILINE), f"HoursTable.{key}"
    for key in keys_of(CampaignFile.model_json_schema(), "CallbackTable"):
        assert re.search(rf"^# .*\n(#?\w+ = .*\n)*#{key} = ", campaign, re.MULTILINE), f"CallbackTable.{key}"


def test_what_the_sample_shows_as_defaults_are_the_defaults(tmp_path: Path) -> None:
    text = (SAMPLE / "ringfair.toml").read_text()
    shown = tomllib.loads(re.sub(r"^#(\w+ = )", r"\1", text, flags=re.MULTILINE))
    assert Settings.model_validate(shown)
    real = Settings.model_validate({"asterisk": {"systemname": "x"}}).model_dump()
    no_default = {"systemname", "secret_file", "tls_ca_file", "password_file", "sentinel_password_file"}
    no_default |= {"spool_dir", "file"}
    for table, keys in shown.items():
        if table not in ("pause_reasons", "pause"):
            assert {k: v for k, v in keys.items() if k not in no_default} == {
                k: v for k, v in real[table].items() if k not in no_default
            }
