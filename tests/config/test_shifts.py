"""The shifts CSV → when agents are entitled."""

from datetime import datetime

import pytest

from router.config import load
from router.config.faults import Faults
from router.config.shifts import compile_shifts
from router.domain.errors import ConfigError, Fault
from router.domain.ids import SECOND, AgentId, CampaignName
from router.domain.rulebook.entitlement import ENTITLED_ALWAYS, Entitlement
from tests.config.site_files import SECRET, SETTINGS, WriteSite, write_file

HEADER = "agent_id,from,to,campaigns,time_zone"


def shifts_of(*lines: str, header: str = HEADER) -> tuple[dict[AgentId, Entitlement], list[Fault]]:
    faults = Faults()
    found = compile_shifts([header, *lines], "shifts.csv", "Europe/Berlin", ["shop", "care"], ["lost"], faults)
    try:
        faults.settle()
    except ConfigError as error:
        return found, list(error.faults)
    return found, []


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


def only_interval(*lines: str) -> tuple[int, int]:
    found, faults = shifts_of(*lines)
    assert faults == []
    (interval,) = found[AgentId("agent-1001")].intervals
    return interval.from_at, interval.to_at


@pytest.mark.parametrize(
    "line",
    [
        "agent-1001,2027-03-01T08:00,2027-03-01T16:00,shop,",
        "agent-1001,2027-03-01 08:00,2027-03-01 16:00,shop,Europe/Berlin",
        "agent-1001,2027-03-01T07:00Z,2027-03-01T15:00Z,shop,America/New_York",
        "agent-1001,2027-03-01T08:00+01:00,2027-03-01T10:00-05:00,shop",
        ' agent-1001 , 2027-03-01T02:00:00 ,"2027-03-01T10:00:00", shop ,America/New_York',
    ],
)
def test_a_shift_is_the_same_in_every_way_to_write_its_time(line: str) -> None:
    assert only_interval(line) == (at("2027-03-01T07:00Z"), at("2027-03-01T15:00Z"))


def test_the_night_the_clocks_change_is_as_long_as_it_is() -> None:
    # 28 March 2027: 02:00 becomes 03:00. 31 October 2027: 03:00 becomes 02:00.
    spring = only_interval("agent-1001,2027-03-27T22:00,2027-03-28T06:00,,")
    autumn = only_interval("agent-1001,2027-10-30T22:00,2027-10-31T06:00,,")
    assert spring[1] - spring[0] == 7 * 3600 * SECOND
    assert autumn[1] - autumn[0] == 9 * 3600 * SECOND


def test_no_campaigns_means_all_and_named_ones_mean_those() -> None:
    found, _ = shifts_of(
        "agent-1001,2027-03-01T07:00Z,2027-03-01T15:00Z,,", "agent-1002,2027-03-01T07:00Z,2027-03-01T15:00Z,shop care,"
    )
    noon = at("2027-03-01T12:00Z")
    assert found[AgentId("agent-1001")].allows(CampaignName("anything"), noon)
    assert found[AgentId("agent-1002")].allows(CampaignName("care"), noon)
    assert not found[AgentId("agent-1002")].allows(CampaignName("other"), noon)
    assert not found[AgentId("agent-1001")].allows(CampaignName("shop"), at("2027-03-01T15:00Z"))


def test_shifts_that_touch_are_one() -> None:
    first, second = "2027-03-01T07:00Z,2027-03-01T11:00Z", "2027-03-01T11:00Z,2027-03-01T15:00Z"
    assert only_interval(f"agent-1001,{second},shop,", f"agent-1001,{first},shop,") == (
        at("2027-03-01T07:00Z"),
        at("2027-03-01T15:00Z"),
    )
    found, _ = shifts_of(f"agent-1001,{first},shop,", f"agent-1001,{second},care,")
    assert len(found[AgentId("agent-1001")].intervals) == 2


GOOD = "agent-1001,2027-03-01T07:00Z,2027-03-01T15:00Z,shop,"


@pytest.mark.parametrize(
    ("line", "column", "expected"),
    [
        (GOOD.replace("agent-1001", ""), "agent_id", "letters, digits"),
        (GOOD.replace("agent-1001", "agent;1"), "agent_id", "letters, digits"),
        (GOOD.replace("T07:00Z", ""), "from", "ISO 8601"),
        (GOOD.replace("2027-03-01T07:00Z", "tomorrow"), "from", "ISO 8601"),
        (GOOD.replace("2027-03-01T07:00Z", "2027-02-30T07:00Z"), "from", "ISO 8601"),
        (GOOD.replace("2027-03-01T07:00Z", "0001-01-01T00:00+14:00"), "from", "ISO 8601"),
        (GOOD.replace("T15:00Z", "T07:00Z"), "to", "after `from`"),
        (GOOD.replace("T15:00Z", "T15:00" + "0" * 500), "to", "ISO 8601"),
        (GOOD.replace("shop", "shopp"), "campaigns", "campaigns that exist"),
        ("agent-1001,2027-03-28T02:30,2027-03-28T08:00,,", "from", "the clocks skip"),
        ("agent-1001,2027-10-30T22:00,2027-10-31T02:30,,", "to", "+0200 or 2027-10-31T02:30+0100"),
        (GOOD + "Mars/Base", "time_zone", "IANA"),
    ],
)
def test_a_bad_line_is_told_with_its_number_and_the_others_are_still_read(
    line: str, column: str, expected: str
) -> None:
    found, faults = shifts_of(GOOD, "", "# a remark", line, GOOD.replace("agent-1001", "agent-1002"))
    assert [fault.key for fault in faults] == [f"line 5, {column}"]
    assert expected in faults[0].expected
    assert list(found) == ["agent-1001", "agent-1002"]


@pytest.mark.parametrize(
    "header", ["", "agent,from,to,campaigns", "agent_id;from;to;campaigns", HEADER + ",pay", HEADER + ",from"]
)
def test_a_header_with_other_columns_is_told(header: str) -> None:
    found, faults = shifts_of(GOOD, header=header)
    assert found == {}
    assert len(faults) == 1
    assert "agent_id,from,to,campaigns" in faults[0].expected


@pytest.mark.parametrize("line", [GOOD + ",,,", '"' + GOOD, 'x"' + GOOD + '"y', "a\rb," + GOOD])
def test_broken_csv_is_told(line: str) -> None:
    _, faults = shifts_of(line)
    assert len(faults) == 1


def test_a_flood_of_bad_lines_is_cut_off() -> None:
    _, faults = shifts_of(*["x"] * 5000)
    assert len(faults) == 101
    assert "only the first 100" in faults[-1].expected


def test_a_campaign_whose_file_is_broken_may_be_named_in_a_shift() -> None:
    assert shifts_of(GOOD.replace("shop", "lost"))[1] == []


def test_without_a_shifts_file_everybody_is_entitled_and_with_one_only_who_is_in_it(a_site: WriteSite) -> None:
    assert load(a_site(), SECRET).entitlement(AgentId("agent-1001")) is ENTITLED_ALWAYS
    directory = a_site(SETTINGS + '[shifts]\nfile = "shifts.csv"\n')
    write_file(directory / "shifts.csv", "\ufeff" + HEADER + "\r\n" + GOOD + "\r\n")
    site = load(directory, SECRET)
    assert site.entitlement(AgentId("agent-1001")).intervals
    assert site.entitlement(AgentId("agent-1002")) == Entitlement()
