"""The list of published numbers that outlives the router: what was taken off while it was down is served no longer."""

import pytest

from router.domain.rulebook.admission import Capacity

from .fake_node import FakeNode
from .fake_server import until
from .telephony_room import connected, rules

SHOP = "shop,early-media,de,default,main"


def served(node: FakeNode) -> set[str]:
    """Dialled numbers with a campaign behind them."""
    return {name.removeprefix("ACD_DNIS_") for name, value in node.globals.items() if name[:9] == "ACD_DNIS_" and value}


def listed(node: FakeNode, pool: str = "main") -> list[str]:
    """The list as a successor reads it: part by part up to the first empty one."""
    parts: list[str] = []
    while part := node.globals.get(f"ACD_ROUTES_{pool}_{len(parts)}", ""):
        parts.append(part)
    return ",".join(parts).split(",") if parts else []


async def test_a_number_taken_off_while_the_router_was_down_is_unknown_after_its_start() -> None:
    async with FakeNode() as node:
        async with connected(node, served=rules("+493023125100", "+493023125101")):
            pass
        async with connected(node, served=rules("+493023125101")):
            assert node.globals["ACD_DNIS_493023125100"] == ""
            assert node.globals["ACD_DNIS_03023125100"] == ""
            assert served(node) == {"493023125101", "00493023125101", "03023125101"} == set(listed(node))


async def test_a_site_without_any_number_leaves_none_and_an_empty_list() -> None:
    async with FakeNode() as node:
        async with connected(node):
            pass
        async with connected(node, served=rules()):
            assert served(node) == set()
            assert listed(node) == []


async def test_a_number_that_another_pool_took_meanwhile_is_left_to_it() -> None:
    async with FakeNode() as node:
        async with connected(node, served=rules("+493023125100", "+493023125101")):
            pass
        node.globals["ACD_DNIS_493023125100"] = "fair,answered,de,default,north"
        async with connected(node, served=rules("+493023125101")):
            assert node.globals["ACD_DNIS_493023125100"] == "fair,answered,de,default,north"
            assert node.globals["ACD_DNIS_03023125100"] == ""
            assert "493023125100" not in listed(node)


async def test_thousands_of_numbers_fit_asterisks_lines_and_are_all_cleared() -> None:
    numbers = [f"+4930231{n:05}" for n in range(1500)]
    async with FakeNode() as node:
        async with connected(node, served=rules(*numbers)):
            assert len(listed(node)) == 4500
            parts = [value for name, value in node.globals.items() if name.startswith("ACD_ROUTES_main_")]
            assert max(map(len, parts)) <= 900
        async with connected(node, served=rules(*numbers[::2])):
            assert served(node) == set(listed(node))
            assert len(served(node)) == 2250


@pytest.mark.parametrize("broken_off_after", [0, 1, 5, 12, 13, 60, 170])
async def test_a_change_that_breaks_off_anywhere_forgets_no_number_that_is_served(broken_off_after: int) -> None:
    old = [f"+4930231{n:05}" for n in range(0, 600, 3)]
    new = [f"+4930231{n:05}" for n in range(0, 600, 2)]

    class Failing(FakeNode):
        writes_left = 10**6

        def _setvar(self, action):  # type: ignore[no-untyped-def]
            self.writes_left -= action["Variable"][:9] in ("ACD_DNIS_", "ACD_ROUTE")
            return super()._setvar(action) if self.writes_left >= 0 else self._said(action, "Error", "Message: no")

    async with Failing() as node:
        async with connected(node, served=rules(*old)):
            pass
        node.writes_left = broken_off_after
        async with connected(node, served=rules(*new), synced=False) as room:
            await until(lambda: node.writes_left < 0)
            assert served(node) <= set(listed(node))
            await until(lambda: room.telephony.session.in_flight == 0)
        assert served(node) <= set(listed(node))
        node.writes_left = 10**6
        async with connected(node, served=rules(*new)):
            assert len(served(node)) == 900
            assert served(node) == set(listed(node))


@pytest.mark.parametrize("found", [",,,", "x" * 900, "${SHELL(id)},ACD_HB_main,-1,*", "493023125199,"])
async def test_whatever_stands_in_the_list_is_read_as_numbers_and_nothing_else(found: str) -> None:
    node = FakeNode(globals={"ACD_ROUTES_main_0": found, "ACD_DNIS_493023125199": SHOP})
    async with node, connected(node):
        assert listed(node) == sorted(["00493023125100", "03023125100", "493023125100"])
        assert ("493023125199" in served(node)) == ("493023125199" not in found)
        # nothing was asked or set that only the list named, but numbers
        named = {a["Variable"] for a in node.received if a.action.endswith("var")}
        assert all(name[9:].isdigit() for name in named if name.startswith("ACD_DNIS_"))


async def test_nothing_is_written_when_nothing_changed() -> None:
    async with FakeNode() as node, connected(node) as room:
        await room.synced()
        before = len(node.actions("Setvar"))
        room.telephony.publish(rules("+493023125100"))
        await room.asked_for_phones()
        assert [a["Variable"] for a in node.actions("Setvar")[before:]] == ["ACD_HB_main"]


async def test_a_restarted_asterisk_hears_that_numbers_are_published_only_when_all_of_them_are() -> None:
    async with FakeNode() as node, connected(node, served=rules("+493023125100", "+493023125101")) as room:
        assert node.globals["ACD_ROUTED"] == "1"
        node.globals.clear()  # a restart: every global is gone, and the connection with them
        before = len(node.actions("Setvar"))
        node.cut()
        await room.synced(2)

        names = [action["Variable"] for action in node.actions("Setvar")[before:]]
        assert node.globals["ACD_ROUTED"] == "1"
        assert names.count("ACD_ROUTED") == 1
        numbers = [n for n, name in enumerate(names) if name.startswith(("ACD_DNIS_", "ACD_ROUTES_"))]
        assert len(numbers) >= 7
        assert max(numbers) < names.index("ACD_ROUTED")


async def test_nothing_is_called_published_when_asterisk_did_not_take_the_numbers() -> None:
    async with FakeNode(refusing={"ACD_DNIS_493023125100": "no"}) as node, connected(node, synced=False) as room:
        await until(lambda: len([a for a in node.actions("Setvar") if a["Variable"] == "ACD_DNIS_493023125100"]) >= 1)
        await until(lambda: room.telephony.session.in_flight == 0)
        assert "ACD_ROUTED" not in node.globals


async def test_limits_stand_behind_a_number_and_with_the_trunk() -> None:
    limits = Capacity(max_calls=20, reserved_calls=5, trunks={"carrier-a": 12})
    async with FakeNode() as node, connected(node, served=rules("+493023125100", capacity=limits)):
        assert node.globals["ACD_DNIS_493023125100"] == f"{SHOP},15"
        assert node.globals["ACD_TRUNK_carrier-a"] == "12"


async def test_a_limit_taken_off_while_the_router_was_down_is_none_after_its_start() -> None:
    both = Capacity(trunks={"carrier-a": 12, "carrier.b": 7})
    async with FakeNode() as node:
        async with connected(node, served=rules("+493023125100", capacity=both)):
            assert "TRUNK_carrier.b" in listed(node)
        async with connected(node, served=rules("+493023125100", capacity=Capacity(trunks={"carrier-a": 13}))):
            assert (node.globals["ACD_TRUNK_carrier-a"], node.globals["ACD_TRUNK_carrier.b"]) == ("13", "")
            assert "TRUNK_carrier.b" not in listed(node)


async def test_a_number_with_limits_is_known_as_ours_and_cleared() -> None:
    limited = rules("+493023125100", "+493023125101", capacity=Capacity(max_calls=20))
    async with FakeNode() as node:
        async with connected(node, served=limited):
            pass
        async with connected(node, served=rules("+493023125101")):
            assert node.globals["ACD_DNIS_493023125100"] == ""
            assert node.globals["ACD_DNIS_493023125101"] == SHOP
