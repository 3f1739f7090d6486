"""
Manifests: YAML and JSON files to plain data, each document with its file and line, as kubectl reads them.

Takes:    a file, `-` for standard input, or a directory, of which *.yaml, *.yml
          and *.json are read in the order of their names.
Gives:    Manifest values; the items of a list as Manifests of their own.
Source:   kubectl's resource builder; its decoder of YAML or JSON; sigs.k8s.io/yaml
          and the YAML reader beneath it, which is a port of libyaml.
Left out: a number beyond 64 bits is an error, where kubectl rounds it; so is
          what is nested deeper than 200 levels, where kubectl takes 10,000.
"""

from reconcile.adapters.manifests.places import ManifestError, Spot, place_text
from reconcile.adapters.manifests.reading import Manifest, read_manifests, read_text

__all__ = ["Manifest", "ManifestError", "Spot", "place_text", "read_manifests", "read_text"]
