"""Answers → the text of a campaign's file: what was answered set plainly, every other key beside it as a remark.

The model of the file is the only source. Its descriptions become the remarks, its defaults the lines behind `#`, its
limits the words "From 1 to 300.", so that a key which is added to the model tomorrow appears in the files by itself.

1. `tomllib.loads(draft(answers)) == answers`, whatever the answers are. An answer to a key that does not exist is a
   ValueError, never left out.
2. With the `#` taken away, a key of a default says what the router does without it. A key that has none shows what
   may stand there.
3. Nothing of an answer is ever written into a remark: nobody escapes what stands there.
4. A table that is there several times (queues) explains its keys the first time.
"""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

from router.config.campaign import CampaignFile
from router.config.faults import MISSING, SENTENCES, Faults
from router.config.rulebook import where
from router.config.toml import WIDTH, header, setting, written
from router.domain.errors import ConfigError, Fault

Answers = Mapping[str, Any]
"What a file shall say, as tables of its keys: `{'campaign': {'client': …}, 'queue': {'orders': {…}}}`."

PREFACE = (
    "A campaign of Ringfair, one client's work, as `ringfair campaign new` wrote it; yours to change. A line such as "
    '"#key = value" is a key with its default: take the # away to say something else. Keys '
    "that end in _s are in seconds.",
    "`ringfair check-config` tells every fault of this file; `ringfair reload` puts it in force under live calls.",
)
_INSTEAD: Mapping[str, object] = {"integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}
"What is shown of a key that has neither a default nor an example; of text the next."
_TEXT = "…"


def draft(answers: Answers, file: type[BaseModel] = CampaignFile) -> str:
    """The text of the file, ending with a line end."""
    lines = [line for paragraph in PREFACE for line in _remark(paragraph)]
    return "\n".join([*lines, *_table(file, answers, path=())]) + "\n"


def objections(name: str, answers: Answers, file: type[BaseModel] = CampaignFile) -> tuple[Fault, ...]:
    """What the file's model finds wrong with the answers; what is missing among it, with the value `MISSING`."""
    faults = Faults()
    try:
        file.model_validate(answers)
    except ValidationError as error:
        faults.add_validation(where(name), file, error)
    try:
        faults.settle()
    except ConfigError as error:
        return error.faults
    return ()


def objection(table: type[BaseModel], key: str, value: object) -> str | None:
    """What would have to be said instead of this value of this key; None when it is good."""
    for fault in objections("", {key: value}, table):
        if fault.value != MISSING and (fault.key == key or fault.key.startswith((f"{key}.", f"{key}["))):
            return fault.expected
    return None


def _table(
    model: type[BaseModel], answers: Answers, path: tuple[str, ...], *, default: object = None, again: bool = False
) -> Iterator[str]:
    """A table's keys, then the tables in it: TOML has no way back from `[a.b]` to the keys of `[a]`.

    `default`: the model as it is when nobody writes this table. `again`: its keys are explained further up.
    """
    free = {key: value for key, value in answers.items() if key not in model.model_fields}
    if free and model.model_config.get("extra") != "allow":
        raise ValueError(f"there is no key {next(iter(free))!r} in {'.'.join(path) or 'the file'}")
    limits, example = _schemas(model)
    later: list[Iterator[str]] = []
    for key, field in model.model_fields.items():
        answered, held, unasked = key in answers, answers.get(key), getattr(default, key, _default(field))
        shape, inner = _shape(field.annotation)
        if inner is not None and shape != "rows" and (isinstance(held, Mapping) or not answered):
            if answered or not again:
                sections = _tables if shape == "tables" else _section
                later.append(sections(inner, held, (*path, key), default=unasked))
            continue
        if not again:
            yield from _remark(_sentences(field, limits[key], unasked if answered else None))
            if inner is not None:
                yield from _columns(inner)
        if answered:
            yield from setting(key, held)
        elif not again:
            shown = _example(field, limits[key]) if unasked is None else to_jsonable_python(unasked)
            yield from (f"#{line}" for line in setting(key, shown))
    # Keys whose names the model leaves open: those of its example, unless some were answered.
    for key, value in free.items():
        yield from setting(key, value)
    for key in (key for key in example if not free and not again and key not in model.model_fields):
        yield from (f"#{line}" for line in setting(key, example[key]))
    for section in later:
        yield from section


def _tables(
    model: type[BaseModel], held: Answers | None, path: tuple[str, ...], *, default: object = None
) -> Iterator[str]:
    """[path.NAME], as many as there are; where there is none, one as a remark."""
    if held is not None and not held:
        yield from ("", header(path))
    if not held:
        yield from _section(model, None, (*path, "NAME"))
        return
    for number, (name, answers) in enumerate(held.items()):
        yield from _section(model, answers, (*path, name), again=number > 0)


def _section(
    model: type[BaseModel],
    answers: Answers | None,
    path: tuple[str, ...],
    *,
    default: object = None,
    again: bool = False,
) -> Iterator[str]:
    yield ""
    yield from _remark("Every key that may stand here is explained above." if again else _purpose(model))
    yield header(path) if answers is not None else f"#{header(path)}"
    yield from _table(model, answers or {}, path, default=default, again=again)


def _columns(model: type[BaseModel]) -> Iterator[str]:
    """The keys of a list's entries, each a line of the remark."""
    limits, _ = _schemas(model)
    for key, field in model.model_fields.items():
        yield from _remark(f"{key}: {_sentences(field, limits[key])}", indent="  ")


def _remark(text: str, indent: str = "") -> list[str]:
    lead = f"# {indent}"
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=lead,
        subsequent_indent=lead + indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _purpose(model: type[BaseModel]) -> str:
    """The model's docstring without the header it may begin with: `[queue.NAME]: a line of …` → `A line of …`."""
    text = (model.__doc__ or "").partition("\n\n")[0]
    before, colon, after = text.partition("]: ")
    text = after if colon and before.startswith("[") else text
    return text[:1].upper() + text[1:]


def _sentences(field: FieldInfo, schema: Mapping[str, Any], default: object = None) -> str:
    """What the key means, and what may stand there as far as its description does not say so."""
    words, items = field.description or "", schema.get("items", {})
    found = [words] if words else []
    for choices, lead in ((schema.get("enum", ()), "One of"), (items.get("enum", ()), "Any of")):
        if any(str(choice) not in words for choice in choices):
            found.append(f"{lead} {', '.join(map(str, choices))}.")
    low, above, high = schema.get("minimum"), schema.get("exclusiveMinimum"), schema.get("maximum")
    if low is not None and high is not None:
        found.append(f"From {_number(low)} to {_number(high)}.")
    else:
        found += [f"{_number(low)} at least."] if low is not None else []
        found += [f"Above {_number(above)}."] if above is not None else []
        found += [f"{_number(high)} at most."] if high is not None else []
    if sentence := SENTENCES.get(schema.get("pattern", "")):
        found.append(f"{sentence[0].upper()}{sentence[1:]}.")
    if field.is_required():
        found.append("Needed.")
    elif default not in (None, "", []):
        found.append(f"Default: {written(to_jsonable_python(default))}.")
    return " ".join(found)


def _number(value: float) -> str:
    return f"{value:.15g}"


def _schemas(model: type[BaseModel]) -> tuple[dict[str, Mapping[str, Any]], Mapping[str, Any]]:
    """The JSON Schema of every key, and the model's example of a whole table, if it has one.

    Names are followed: of `X | None` it is that of X, of `list[X]` the items are those of X.
    """
    whole = model.model_json_schema()

    def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
        options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
        if options:
            return resolved(options[0])
        if "$ref" in schema:
            return resolved(whole["$defs"][schema["$ref"].rpartition("/")[2]])
        return {**schema, "items": resolved(schema["items"])} if "items" in schema else schema

    examples = whole.get("examples") or [{}]
    return {key: resolved(whole["properties"][key]) for key in model.model_fields}, examples[0]


def _shape(annotation: Any) -> tuple[str, type[BaseModel] | None]:
    """ "table", "tables" by name, "rows" of a list, each with its model; "" for whatever stands on one line."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return ("table", annotation) if issubclass(annotation, BaseModel) else ("", None)
    origin, inner = get_origin(annotation), [_shape(argument) for argument in get_args(annotation)]
    found = next((model for shape, model in inner if shape == "table"), None)
    if origin is dict:
        return ("tables", found) if found is not None else ("", None)
    if origin in (list, tuple):
        return ("rows", found) if found is not None else ("", None)
    # Annotated and unions are what they hold.
    return next((known for known in inner if known[1] is not None), ("", None))


def _default(field: FieldInfo) -> object:
    """None also when it has no default."""
    value: object = field.get_default(call_default_factory=True, validated_data={})
    return None if value is PydanticUndefined else value


def _example(field: FieldInfo, schema: Mapping[str, Any]) -> object:
    if field.examples:
        return field.examples[0]
    if choices := schema.get("enum"):
        return choices[0]
    kind = schema.get("type", "")
    return schema.get("minimum", 0) if kind in ("integer", "number") else _INSTEAD.get(kind, _TEXT)
