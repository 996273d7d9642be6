#!/usr/bin/env python3
"""Checks every dependency's licence, source and number of versions against deny.toml.

It is `cargo deny check bans licenses sources` for what deny.toml uses, on Python's standard library: cargo-deny is a
large program to compile for that. Whatever this does not know in deny.toml is an error.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REGISTRY = "registry+"
KNOWN = {
    "graph": {"targets"},
    "licenses": {"allow"},
    "bans": {"multiple-versions", "wildcards", "allow-wildcard-paths", "deny", "skip", "skip-tree"},
    "sources": {"unknown-registry", "unknown-git", "allow-registry"},
    "advisories": None,
}


def unknown_settings(rules):
    for section, settings in rules.items():
        if section not in KNOWN:
            yield f"deny.toml: [{section}] is not checked here"
        elif KNOWN[section] is not None:
            yield from (f"deny.toml: {section}.{name} is not checked here" for name in settings.keys() - KNOWN[section])


def is_allowed(licence, allowed):
    """Whether an SPDX expression holds with the licences allowed. A slash is how old crates write OR."""
    words = re.findall(r"[()]|[^\s()/]+(?: WITH [^\s()/]+)?", licence.replace("/", " OR "))

    def either():
        holds = both()
        while words and words[0] == "OR":
            words.pop(0)
            holds = both() or holds
        return holds

    def both():
        holds = one()
        while words and words[0] == "AND":
            words.pop(0)
            holds = one() and holds
        return holds

    def one():
        word = words.pop(0)
        if word != "(":
            return word in allowed
        holds = either()
        words.pop(0)
        return holds

    return either() and not words


def licence_faults(packages, allowed):
    used = set()
    for package in packages:
        licence = package["license"] or "none named"
        used |= {name for name in allowed if name in licence}
        if not is_allowed(licence, allowed):
            yield f"licence: {named(package)}: {licence}"
    yield from (f"licence: deny.toml allows {name}, which nothing has" for name in allowed - used)


def source_faults(packages, registries):
    for package in packages:
        source = package["source"]
        if source and source.removeprefix(REGISTRY) not in registries:
            yield f"source: {named(package)}: {source}"
        for dependency in package["dependencies"]:
            if not source and dependency["req"] == "*" and not dependency.get("path"):
                yield f"version: {named(package)} takes any {dependency['name']}"


def named(package):
    return f"{package['name']} {package['version']}"


def matches(rule, package):
    name, _, version = rule["crate"].partition("@")
    return name == package["name"] and (not version or f"{package['version']}.".startswith(f"{version}."))


def matching(rules, packages):
    """The ids that the rules match, and what is wrong with the rules."""
    found, faults = set(), []
    for rule in rules:
        ids = {package["id"] for package in packages if matches(rule, package)}
        found |= ids
        if not ids:
            faults.append(f"deny.toml: {rule['crate']} matches nothing")
        if not rule.get("reason"):
            faults.append(f"deny.toml: {rule['crate']} has no reason")
    return found, faults


def everything_below(ids, edges):
    seen, left = set(), list(ids)
    while left:
        package = left.pop()
        if package not in seen:
            seen.add(package)
            left.extend(edges[package])
    return seen


def ban_faults(packages, edges, rules):
    for rule in rules.get("deny", []):
        yield from (f"banned: {named(p)}: {rule['reason']}" for p in packages if matches(rule, p))
    skipped, faults = matching(rules.get("skip", []), packages)
    trees, more_faults = matching(rules.get("skip-tree", []), packages)
    yield from faults + more_faults
    skipped |= everything_below(trees, edges)
    versions = defaultdict(set)
    for package in packages:
        if package["id"] not in skipped:
            versions[package["name"]].add(package["version"])
    for name, several in sorted(versions.items()):
        if len(several) > 1:
            yield f"duplicate: {name} {', '.join(sorted(several))} (cargo tree -i {name}@{min(several)})"


def main():
    rules = tomllib.loads((ROOT / "deny.toml").read_text())
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    for target in rules["graph"]["targets"]:
        command += ["--filter-platform", target]
    answer = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE)
    if answer.returncode:
        return answer.returncode
    metadata = json.loads(answer.stdout)
    nodes = metadata["resolve"]["nodes"]
    edges = {node["id"]: [dependency["pkg"] for dependency in node["deps"]] for node in nodes}
    packages = [package for package in metadata["packages"] if package["id"] in edges]
    faults = [
        *unknown_settings(rules),
        *licence_faults(packages, set(rules["licenses"]["allow"])),
        *source_faults(packages, set(rules["sources"]["allow-registry"])),
        *ban_faults(packages, edges, rules["bans"]),
    ]
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(packages)} packages, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
