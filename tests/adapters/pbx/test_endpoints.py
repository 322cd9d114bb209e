"""Agents' endpoints: what is written for Asterisk, and what is refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.adapters.pbx.endpoints import AgentEndpoint, render_agent, render_agents, write_agents
from router.adapters.pbx.errors import PbxError
from router.adapters.pbx.passwords import password_digest
from router.adapters.pbx.root import site_files

DIGEST = password_digest("agent-1001", "ringfair", "example-password")


def test_an_agent_at_home_is_three_sections_of_one_name() -> None:
    text = render_agent(AgentEndpoint("agent-1001", "agent-1001", digests=(DIGEST,)))

    assert text == (
        "[agent-1001](agent-home)\n"
        "aors = agent-1001\n"
        "auth = agent-1001\n"
        "\n"
        "[agent-1001](agent-aor)\n"
        "\n"
        "[agent-1001](agent-auth)\n"
        "username = agent-1001\n"
        "realm = ringfair\n"
        f"password_digest = {DIGEST}\n"
        "supported_algorithms_uas = MD5\n"
        "supported_algorithms_uac = MD5\n"
    )


def test_an_agent_on_tls_gets_the_template_with_srtp() -> None:
    text = render_agent(AgentEndpoint("agent-1001", "agent-1001", digests=(DIGEST,), transport="tls"))

    assert text.startswith("[agent-1001](agent-tls)\n")


def test_auto_answer_escapes_the_semicolon_that_would_begin_a_comment() -> None:
    text = render_agent(AgentEndpoint("agent-1001", "agent-1001", digests=(DIGEST,), auto_answer=True))

    assert r"set_var = PJSIP_HEADER(add,Call-Info)=<sip:127.0.0.1>\;answer-after=0" in text.splitlines()


def test_a_fixed_contact_needs_no_password_and_no_auth_section() -> None:
    text = render_agent(AgentEndpoint("agent-1001", "agent-1001", contact="sip:127.0.0.3:5070"))

    assert "contact = sip:127.0.0.3:5070" in text.splitlines()
    assert "auth" not in text


def test_of_two_digests_the_stronger_is_offered_first() -> None:
    strong = password_digest("agent-1001", "ringfair", "example-password", "SHA-256")
    text = render_agent(AgentEndpoint("agent-1001", "agent-1001", digests=(DIGEST, strong)))

    assert f"password_digest = {strong},{DIGEST}" in text.splitlines()
    assert "supported_algorithms_uas = SHA-256,MD5" in text.splitlines()


def test_two_exports_of_one_directory_are_equal_whatever_the_order() -> None:
    agents = [AgentEndpoint(f"a{n}", f"agent-{n}", digests=(DIGEST,)) for n in (1003, 1001, 1002)]

    assert render_agents(agents) == render_agents(reversed(agents))


def test_two_agents_cannot_share_an_endpoint() -> None:
    agents = [AgentEndpoint(name, "agent-1001", digests=(DIGEST,)) for name in ("a", "b")]

    with pytest.raises(PbxError, match="agents a and b share agent-1001"):
        render_agents(agents)


@pytest.mark.parametrize(
    ("wrong", "error_id"),
    [
        ({"endpoint": "agent 1001"}, "bad-endpoint"),
        ({"endpoint": "agent]\n[trunk"}, "bad-endpoint"),
        ({"endpoint": ""}, "bad-endpoint"),
        ({"endpoint": "trunk"}, "bad-endpoint"),
        ({"endpoint": "global"}, "bad-endpoint"),
        ({"endpoint": "agent-home"}, "bad-endpoint"),
        ({"realm": "ring;fair"}, "bad-realm"),
        ({"digests": ("example-password",)}, "bad-digest"),
        ({"digests": ("MD5:" + "0" * 31,)}, "bad-digest"),
        ({"digests": (DIGEST + "\ncontext = acd-inbound",)}, "bad-digest"),
        ({"contact": "sip:127.0.0.3\ntype = endpoint"}, "bad-contact"),
        ({"contact": "http://127.0.0.3"}, "bad-contact"),
        ({"digests": ()}, "no-password"),
    ],
)
def test_what_cannot_stand_in_the_file_is_refused(wrong: dict[str, object], error_id: str) -> None:
    fields = {"agent_id": "agent-1001", "endpoint": "agent-1001", "digests": (DIGEST,)} | wrong

    with pytest.raises(PbxError) as refused:
        AgentEndpoint(**fields)  # type: ignore[arg-type]

    assert refused.value.error_id == error_id


@given(st.text(max_size=70), st.text(max_size=20), st.one_of(st.none(), st.text(max_size=40)))
def test_no_text_adds_a_section_or_an_option(endpoint: str, realm: str, contact: str | None) -> None:
    try:
        agent = AgentEndpoint("agent-1001", endpoint, realm=realm, digests=(DIGEST,), contact=contact)
    except PbxError:
        return

    lines = render_agent(agent).splitlines()

    assert [line for line in lines if line.startswith("[")] == [
        f"[{endpoint}](agent-home)",
        f"[{endpoint}](agent-aor)",
        f"[{endpoint}](agent-auth)",
    ]
    assert len(lines) == 12 + (contact is not None)


def test_the_agents_file_is_closed_to_others_and_in_its_directorys_group(tmp_path: Path) -> None:
    target = tmp_path / "40-agents.conf"

    write_agents(target, [AgentEndpoint("agent-1001", "agent-1001", digests=(DIGEST,))])

    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert target.stat().st_gid == tmp_path.stat().st_gid
    assert DIGEST in target.read_text()


def test_digests_are_not_written_into_the_checkout() -> None:
    target = site_files("asterisk") / "pjsip.d" / "40-agents.conf"

    with pytest.raises(PbxError, match="Ringfair's own files"):
        write_agents(target, [])

    assert not target.exists()


def test_a_missing_directory_is_said(tmp_path: Path) -> None:
    with pytest.raises(PbxError, match="does not exist"):
        write_agents(tmp_path / "nowhere" / "40-agents.conf", [])
