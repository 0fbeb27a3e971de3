"""Every block of code in the documents is what it claims to be, and what belongs together works together."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.rest.app import ENDPOINTS
from pycore.channels.capability import known_capabilities
from pycore.command_line import command
from pycore.payments.routing_rules import routes_of
from pycore.routing import Router

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```([\w ]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CURL_PATH = re.compile(r"localhost:7480(/[^\s'\"?]*)")


def blocks(*languages: str) -> Iterator[tuple[str, str]]:
    for document in DOCUMENTS:
        for language, text in _BLOCK.findall(document.read_text()):
            if language in languages:
                yield document.name, text


def of_routing(language: str) -> list[str]:
    return [text for name, text in blocks(language) if name == "routing.md"]


def test_u6_every_block_of_toml_json_and_python_can_be_read() -> None:
    for name, text in blocks("toml"):
        assert tomllib.loads(text), name
    for name, text in blocks("json"):
        assert json.loads(text), name
    for name, text in blocks("python", "python by hand"):
        ast.parse(text, name)


def test_u6_every_call_in_the_documents_is_one_of_the_interface() -> None:
    paths = [re.compile(re.sub(r"{\w+}", "[^/]+", each.path)) for each in ENDPOINTS]
    for name, text in blocks("sh", "sh by hand"):
        for path in _CURL_PATH.findall(text):
            assert any(each.fullmatch(path) for each in paths), (name, path)


def test_u6_the_rules_of_the_document_fit_its_routes_and_those_there_are(tmp_path: Path) -> None:
    # The rules named a channel and a method that the document's own routes file did not have.
    rules = next(text for text in of_routing("") if text.startswith("# at night"))
    (routes,), (traffic,) = of_routing("toml"), of_routing("json")
    files = {"routes.toml": routes, "new.rules": rules, "old.rules": "prefer alipay\n"}
    files["traffic.jsonl"] = json.dumps(json.loads(traffic)) + "\n"
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    asked = ["route", "simulate", str(tmp_path / "traffic.jsonl"), "--json"]
    asked += ["--routes", str(tmp_path / "routes.toml"), "--rules", str(tmp_path / "new.rules")]
    done = CliRunner().invoke(command, [*asked, "--current", str(tmp_path / "old.rules")])
    assert done.exit_code == 0, done.output
    known = [route for each in known_capabilities() for route in routes_of(each, date(2026, 12, 1))]
    Router(known).policy(rules)


def commands() -> list[str]:
    lines = [line.split("#", maxsplit=1)[0] for _, text in blocks("sh", "sh by hand") for line in text.splitlines()]
    parts = [part.strip() for line in lines if line.startswith("pycore ") for part in line.split(" ; ")]
    return sorted(set(parts))


@pytest.mark.parametrize("line", commands())
def test_u6_every_command_in_the_documents_is_known(line: str) -> None:
    words = line.split()[1:]
    names = [word for word in words if re.fullmatch(r"[a-z][a-z-]*", word)]
    tried = [CliRunner().invoke(command, [*names[:depth], "--help"]) for depth in (2, 1)]
    told = "".join(each.output for each in tried if each.exit_code == 0)
    assert told, line
    for option in (word.partition("=")[0] for word in words if word.startswith("--")):
        assert option in re.sub(r"\x1b\[[0-9;]*m", "", told), (line, option)
