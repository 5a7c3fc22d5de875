#!/usr/bin/env python3
"""What the library links with, as CycloneDX 1.5 JSON on stdout; with --check: whether that is what cargo links.

The crates only: the shared libraries of the system are dependencies of the package, with versions of their own."""

import json
import sys

import check


def bill():
    data = check.metadata()
    linked = check.linked()
    root = next(package for package in data["packages"] if package["name"] == "libjanus_rs")
    chosen = sorted((package for package in data["packages"] if package["version"] in linked.get(package["name"], ())
                     and package is not root), key=lambda package: (package["name"], package["version"]))
    identifiers = {package["id"]: f"pkg:cargo/{package['name']}@{package['version']}" for package in [root, *chosen]}

    def component(package, kind):
        return {"type": kind, "bom-ref": identifiers[package["id"]], "name": package["name"], "version": package["version"],
                "purl": identifiers[package["id"]], "licenses": [{"expression": package["license"].replace("/", " OR ")}]}
    needs = {node["id"]: node["dependencies"] for node in data["resolve"]["nodes"]}
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": component(root, "library")},
        "components": [component(package, "library") for package in chosen],
        "dependencies": [{"ref": reference, "dependsOn": sorted({identifiers[need] for need in needs[name] if need in identifiers})}
                         for name, reference in identifiers.items()],
    }


def problems():
    made = bill()
    listed = {(component["name"], component["version"]) for component in made["components"]}
    linked = {(name, version) for name, versions in check.linked().items() for version in versions if name != "libjanus_rs"}
    found = [f"{name} {version} is linked and not in the bill of materials" for name, version in sorted(linked - listed)]
    found += [f"{name} {version} is in the bill of materials and not linked" for name, version in sorted(listed - linked)]
    # A page for people names those whose licence asks for more than a notice.
    page = open("docs/licences.md", encoding="utf-8").read()
    for component in made["components"]:
        expression = component["licenses"][0]["expression"]
        if "MPL" in expression and " OR " not in expression and component["name"] not in page:
            found.append(f"{component['name']} is under {expression} and not in docs/licences.md")
    if len(listed) < 50:
        found.append(f"only {len(listed)} crates")
    return found


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        wrong = problems()
        print("\n".join(wrong))
        sys.exit(bool(wrong))
    json.dump(bill(), sys.stdout, indent=1)
    print()
