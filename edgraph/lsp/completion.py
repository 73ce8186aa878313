"""What could be written at the cursor: keys, names, parameters, references, clocks."""

from __future__ import annotations

from edgraph.language.declare import KEYS as PARAMETER
from edgraph.language.pipeline import EVENTS
from edgraph.lsp import structure
from edgraph.lsp.analysis import Analysis
from edgraph.lsp.expression_offers import in_expression
from edgraph.lsp.names import SECTIONS
from edgraph.lsp.offers import Offer, Offers
from edgraph.lsp.spot import spot_at
from edgraph.lsp.vocabulary import params_of
from edgraph.lsp.walk import EXPRESSIONS, ROLES
from edgraph.ops.registry import KINDS

HOLDERS = {"data": "data", "models": "model", "optimizers": "optimizer", "loggers": "logger", "patterns": "pattern"}
NAMED = (*SECTIONS, "ops", "patterns")  # sections whose entries an author names


def complete(analysis: Analysis | None, text: str, offset: int) -> list[Offer]:
    """What could stand at an offset of a text. analysis: of this text or an earlier version of it."""
    spot = spot_at(text, offset)
    if spot is None:
        return []
    scope, path = ("", spot.path)
    if len(path) >= 2 and path[0] == "graphs":
        scope, path = path[1], path[2:]
    offers = Offers(analysis, spot, text, offset, scope)
    if spot.in_key:
        _keys(offers, path)
    else:
        _value(offers, path)
    return offers.found


# -- keys ------------------------------------------------------------------------------------------------

def _keys(offers: Offers, path: tuple[str, ...]) -> None:
    section, spot = path[0] if path else "", offers.spot
    if section == "ops" and len(path) == 1:
        offers.names(offers.ops(), "op")
        offers.add("NAME", "${1:name}: {op: $0}", detail="a new op", snippet=True)
    elif section == "params" and len(path) == 2:
        offers.keyed(PARAMETER, "of a parameter that may change while the run goes on")
    elif section == "fixed_examples":
        offers.keyed(offers.entries("data"), "data set")
    elif section == "ops" and path[2:3] == ("inputs",):
        offers.ports(spot.map(2).text("op"))
    elif section == "ops" and path[2:] == ("with", "params"):
        offers.keyed(offers.params(spot.map(2).text("graph")), "parameter of the graph")
    elif "every" in path or (section == "patterns" and len(path) > 3 and path[-1].endswith("every")):
        offers.schema_keys(structure.clock_keys())
    elif len(path) == 3 and path[2] == "with" and (section == "ops" or section in HOLDERS):
        _settings(offers, section)
    elif path[2:3] == ("schedule",):
        offers.params_as_keys(params_of(f"schedule:{spot.map().text('use')}"))
        offers.keyed(["use"] if not spot.map().text("use") else [], "which schedule")
    elif section == "optimizers" and path[2:3] == ("updates",):
        offers.keyed(["model", "match"], "of a group of parameters")
        offers.params_as_keys(params_of(f"optimizer:{spot.map(2).text('use')}"))
    else:
        offers.schema_keys(structure.keys(_general(offers.scope, path)))


def _settings(offers: Offers, section: str) -> None:
    """The keys of a `with`."""
    holder = offers.spot.map(2)
    if section == "ops":
        offers.params_as_keys(params_of(f"op:{holder.text('op')}"))
    elif section == "patterns" and holder.text("use") in offers.entries("graph"):
        offers.keyed(offers.params(holder.text("use")), "parameter of the graph")
    else:
        offers.params_as_keys(params_of(f"{HOLDERS[section]}:{holder.text('use')}"))


def _general(scope: str, path: tuple[str, ...]) -> tuple[str, ...]:
    """A path as the schema knows it: names of entries are `*`."""
    if path and path[0] in NAMED and len(path) > 1:
        path = (path[0], "*", *path[2:])
    return ("graphs", "*", *path) if scope else path


# -- values ----------------------------------------------------------------------------------------------

def _value(offers: Offers, path: tuple[str, ...]) -> None:
    spot, last = offers.spot, path[-1] if path else ""
    section, key = path[0] if path else "", path[2] if len(path) > 2 else ""
    if is_expression(path):
        in_expression(offers, schedule=section == "optimizers")
    elif spot.before.rpartition("${")[1] and "}" not in spot.before.rpartition("${")[2]:
        offers.insertions()
    elif section == "ops" and key == "op":
        offers.kinds()
    elif last == "use":
        _uses(offers, section, path)
    elif key == "every" or last == "every":
        _clock(offers, last)
    elif section == "ops" and key == "during":
        offers.names(offers.entries("stage"), "stage")
    elif section == "ops" and key == "after":
        offers.names(offers.ops(), "op")
    elif section == "ops" and key == "at":
        offers.names(EVENTS, "event")
    elif last == "ignore":
        offers.codes()
    elif section == "include":
        return
    elif "with" in path:
        _setting(offers, path)
    elif (section, key) == ("models", "copy") or (section, key) == ("optimizers", "ema") or key == "updates":
        offers.names(offers.entries("model"), "model")
    elif (section == "data" and key in ("like", "from")) or path == ("over",) or path == ("run", "over"):
        offers.names(offers.entries("data"), "data set")
        offers.names(["none", "checkpoints"] if section == "run" else [], "reserved")
    else:
        offers.choices(structure.at(_general(offers.scope, path)))


def is_expression(path: tuple[str, ...]) -> bool:
    """Whether a value is one of section 7 of the language."""
    if not path:
        return False
    match path[0]:
        case "ops":
            return len(path) == 2 or path[2:3] in (("inputs",), ("when",))
        case "outputs" | "while":
            return True
        case "stages":
            return path[2:] == ("until", "when")
        case "optimizers":
            return path[2:] == ("schedule",)
        case "patterns":
            return any(part in EXPRESSIONS for part in path[3:])
    return False


def _uses(offers: Offers, section: str, path: tuple[str, ...]) -> None:
    if section == "patterns":
        offers.names(offers.entries("graph"), "graph")
    wanted = "schedule" if "schedule" in path else HOLDERS.get(section)
    for kind in KINDS:
        if kind == wanted:
            offers.registered(kind)


def _clock(offers: Offers, last: str) -> None:
    if last == "of":
        counts = offers.spot.map().get("updates") is not None
        offers.names(offers.entries("optimizer") if counts else offers.ops(), "optimizer" if counts else "op")
    elif last in ("first", "last"):
        offers.names(offers.entries("stage"), "stage")
    elif last == "every":
        offers.clocks()


def _setting(offers: Offers, path: tuple[str, ...]) -> None:
    """A value under `with`: what the parameter names, or the values that it may have."""
    at = path.index("with")
    section, spot = path[0], offers.spot
    if len(path) < at + 2:
        return
    holder = spot.map(len(path) - at)
    owner = f"op:{holder.text('op')}" if section == "ops" else f"{HOLDERS.get(section, '')}:{holder.text('use')}"
    if path[at + 1] == "params" and owner == "op:loop" and len(path) > at + 2:
        graph = spot.map(2).text("graph")
        offers.role(offers.role_of(graph, path[at + 2]))
        return
    if section == "patterns" and holder.text("use") in offers.entries("graph"):
        offers.role(offers.role_of(holder.text("use"), path[at + 1]))
        return
    if section == "patterns" and ("optimizers" in path or path[-1] == "optimizer"):
        offers.names(offers.entries("optimizer"), "optimizer")
        return
    for param in params_of(owner):
        if param.name == path[at + 1]:
            offers.role(ROLES.get(param.role))
            offers.choices(structure.parameter(owner, param.name))

