"""Framing, parsing and the one encoder: what goes in and out of the socket, byte by byte."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.adapters.ami.wire import (
    HEADER_LIMIT,
    LINE_LIMIT,
    BadValue,
    BrokenStream,
    Framer,
    encode,
    parse_block,
)

STREAM = (
    "Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: AcdArrived\r\nAniName: Zoë Ünal 東京\r\n\r\n"
    "Response: Success\r\nActionID: a/1\r\nOutput: one\r\nOutput: two\r\n\r\n"
    "Event: Hangup\r\nCallerIDName: 🎧\r\nCause: 16\r\n\r\n"
).encode()


def frames(*pieces: bytes, limit: int = 1 << 20) -> list[bytes]:
    framer = Framer(limit)
    return [block for piece in pieces for block in framer.feed(piece)]


def test_a_stream_split_at_every_offset_gives_the_same_blocks() -> None:
    whole = frames(STREAM)
    assert len(whole) == 3
    for at in range(len(STREAM) + 1):
        assert frames(STREAM[:at], STREAM[at:]) == whole
    assert frames(*(STREAM[at : at + 1] for at in range(len(STREAM)))) == whole


def test_a_name_with_characters_of_several_bytes_survives_every_split() -> None:
    for at in range(len(STREAM) + 1):
        first, _, last = (parse_block(raw) for raw in frames(STREAM[:at], STREAM[at:]))
        assert first["aniname"] == "Zoë Ünal 東京"
        assert last["calleridname"] == "🎧"


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=8))
@example(b"a\r\n\r\n\r\n\r\nb\r\n\r\n", [4, 5])
def test_framing_does_not_depend_on_how_bytes_were_cut(data: bytes, cuts: list[int]) -> None:
    bounds = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(bounds)]
    assert frames(*pieces) == frames(data)


@given(
    st.integers(0, len(STREAM) - 1),
    st.binary(max_size=12),
    st.integers(0, 40),
    st.integers(1, 64),
)
def test_mutated_frames_never_raise_out_of_the_parser(at: int, noise: bytes, cut: int, step: int) -> None:
    mutated = STREAM[:at] + noise + STREAM[at + cut :]
    for raw in frames(*(mutated[i : i + step] for i in range(0, len(mutated), step))):
        parsed = parse_block(raw)
        assert all(isinstance(value, str) for _, value in parsed.items())
        assert isinstance(parsed.event + parsed.response, str)


@given(st.binary(max_size=300))
def test_any_bytes_at_all_are_parsed_to_text(raw: bytes) -> None:
    for name, value in parse_block(raw).items():
        assert name == name.lower()
        assert value in parse_block(raw).all(name)


def test_a_block_without_end_is_given_up_at_the_limit_and_not_before() -> None:
    framer = Framer(1000)
    for _ in range(10):
        assert framer.feed(b"x" * 100) == []
    with pytest.raises(BrokenStream):
        framer.feed(b"x")


def test_headers_are_found_in_any_case_and_repeated_ones_are_all_kept() -> None:
    parsed = parse_block(b"Event: X\r\nfoo: 1\r\nFoo: 2\r\nFOO: 3\r\nChanVariable: A=b=c")
    assert parsed["FOO"] == parsed.get("Foo") == "1"
    assert parsed.all("foo") == ("1", "2", "3")
    assert "fOO" in parsed
    assert parsed.get("absent", "-") == "-"
    with pytest.raises(KeyError):
        parsed["absent"]


@pytest.mark.parametrize("name", ["ChanVariable", "Output", "Variable"])
@pytest.mark.parametrize("values", [[], ["A=1"], ["A=1", "B=2", "A=3"]])
def test_lists_are_lists_whether_there_is_none_one_or_more(name: str, values: list[str]) -> None:
    raw = "\r\n".join(["Event: X", *(f"{name}: {value}" for value in values)]).encode()
    assert parse_block(raw).all(name) == tuple(values)
    assert parse_block(raw).variables(name) == (
        {"A": "1"} if len(values) == 1 else {"A": "1", "B": "2"} if values else {}
    )


def test_odd_headers_are_neither_dropped_nor_changed() -> None:
    parsed = parse_block(
        b"Response: Failure\r\nKey:value\r\nResult: 200%20ok%0A\r\nEmpty:\r\nLast: kept\r\nUrl: sip:a:b"
    )
    assert parsed.response == "Failure"
    assert parsed["key"] == "value"
    assert parsed["result"] == "200%20ok%0A"
    assert parsed["empty"] == ""
    assert parsed["last"] == "kept"
    assert parsed["url"] == "sip:a:b"
    assert "content" not in parsed


def test_a_wrong_byte_costs_only_itself() -> None:
    assert parse_block(b"Event: X\r\nCallerIDName: Zo\xff\xc3l\r\nCause: 16")["calleridname"] == "Zo\ufffd\ufffdl"


def test_a_blocks_text_form_carries_no_value() -> None:
    assert "Zoë" not in repr(parse_block("Event: X\r\nCallerIDName: Zoë".encode()))


def test_an_action_is_written_as_asterisk_reads_it() -> None:
    action = {
        "Channel": "PJSIP/agent-1001",
        "Action": "Originate",
        "Variable": ["A=1", "B=ü"],
        "Async": "true",
    }
    assert (
        encode(action, "id-1")
        == (
            "Action: Originate\r\nActionID: id-1\r\nChannel: PJSIP/agent-1001\r\nVariable: A=1\r\nVariable: B=ü\r\n"
            "Async: true\r\n\r\n"
        ).encode()
    )
    assert list(action) == ["Channel", "Action", "Variable", "Async"], "the caller's mapping is not touched"


@pytest.mark.parametrize(
    "value",
    [
        "Zoë\r\nAction: Hangup",
        "Zoë\nAction: Hangup",
        "Zoë\rAction: Hangup",
        "Zoë\0",
        "a\r\n\r\nAction: Originate",
        "lone \udcff surrogate",
        "x" * LINE_LIMIT,
        "ü" * (LINE_LIMIT // 2),
        None,
        7,
        b"bytes",
        ["fine", "not\r\nfine"],
        ["fine", None],
        {"a": "b"},
    ],
)
def test_a_value_that_could_become_a_header_is_refused_without_being_quoted(value: object) -> None:
    with pytest.raises(BadValue) as refused:
        encode({"Action": "Originate", "CallerID": value}, "id")  # type: ignore[dict-item]
    assert "CallerID" in str(refused.value)
    assert "Zoë" not in f"{refused.value!r} {refused.value.details} {refused.value.__cause__!r}"
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize("name", ["Bad\r\nAction", "Bad: Name", "", "Ünicode", "with space", None, 3, "x" * 65])
def test_a_name_that_is_no_word_is_refused(name: object) -> None:
    with pytest.raises(BadValue):
        encode({"Action": "Ping", name: "x"}, "id")  # type: ignore[dict-item]


@pytest.mark.parametrize("action", [{}, {"Action": None}, {"Action": ""}, {"Channel": "x"}])
def test_an_action_without_a_name_is_refused(action: dict[str, str]) -> None:
    with pytest.raises(BadValue):
        encode(action, "id")


def test_a_second_action_or_id_in_other_letters_is_refused() -> None:
    for name in ("action", "ACTION", "ActionId", "actionid"):
        with pytest.raises(BadValue):
            encode({"Action": "Ping", name: "Hangup"}, "id")


def test_the_longest_line_and_the_most_headers_pass_and_one_more_does_not() -> None:
    room = LINE_LIMIT - len("Data: ")
    encode({"Action": "X", "Data": "x" * room}, "id")
    with pytest.raises(BadValue):
        encode({"Action": "X", "Data": "x" * (room + 1)}, "id")
    encode({"Action": "X", "Variable": ["A=1"] * (HEADER_LIMIT - 2)}, "id")
    with pytest.raises(BadValue):
        encode({"Action": "X", "Variable": ["A=1"] * (HEADER_LIMIT - 1)}, "id")


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=40) | st.lists(st.text(max_size=10), max_size=3)))
def test_whatever_is_encoded_is_exactly_one_block_that_reads_back(
    headers: dict[str, str | list[str]],
) -> None:
    try:
        raw = encode({**headers, "Action": "UserEvent"}, "id")
    except BadValue:
        return
    (only,) = frames(raw)
    parsed = parse_block(only)
    assert parsed["action"] == "UserEvent"
    for name, values in headers.items():
        expected = (values,) if isinstance(values, str) else tuple(values)
        if name.lower() != "action" and [n.lower() for n in headers].count(name.lower()) == 1:
            assert parsed.all(name) == expected
