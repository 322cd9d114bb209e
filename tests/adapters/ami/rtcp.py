"""RTCP events as Asterisk 22.10.1 writes them; any header can be given another value, or None to leave it out."""

_SHAPE: dict[str, str | None] = {
    "Privilege": "reporting,all",
    "Timestamp": "1795306951.703174",
    "SystemName": "pbx_1",
    "Channel": "PJSIP/agent-1001-00000001",
    "ChannelState": "6",
    "ChannelStateDesc": "Up",
    "CallerIDNum": "+4930555100",
    "CallerIDName": "Shop",
    "ConnectedLineNum": "+4915155500001",
    "ConnectedLineName": "<unknown>",
    "Language": "de",
    "AccountCode": "",
    "Context": "acd-agent",
    "Exten": "s",
    "Priority": "32",
    "Uniqueid": "pbx_1-1795306946.0.1",
    "Linkedid": "pbx_1-1795306946.0",
    "To": "127.0.0.1:27077",
    "From": "127.0.0.1:47277",
    "RTT": "0.0421",
    "MES": "88.1",
    "SSRC": "0xeeacb447",
    "PT": "200(SR)",
    "ReportCount": "1",
    "SentNTP": "1795306951.703064",
    "SentRTP": "92510",
    "SentPackets": "250",
    "SentOctets": "40000",
    "Report0SourceSSRC": "0x2279c903",
    "Report0FractionLost": "64",
    "Report0CumulativeLost": "12",
    "Report0HighestSequence": "9614",
    "Report0SequenceNumberCycles": "2",
    "Report0IAJitter": "240",
    "Report0LSR": "3024533313",
    "Report0DLSR": "0.9880",
}


def rtcp(event: str = "RTCPReceived", *, leg: str = "pbx_1-1795306946.0.1", **changed: str | int | None) -> bytes:
    """One event with its closing empty line."""
    headers = {"Event": event} | _SHAPE | {"Uniqueid": leg} | changed
    if event == "RTCPSent":
        headers.pop("RTT", None)
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if value is not None]
    return "".join(lines).encode() + b"\r\n"
