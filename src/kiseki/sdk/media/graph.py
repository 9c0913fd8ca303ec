"""Graphs of nodes and edges (M-09), such as the layers of a network."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from kiseki.errors import UsageValueError
from kiseki.sdk.media.base import Content, Media, Shelf, file_value
from kiseki.sdk.values import Normaliser, Ready

_PLAIN = Normaliser(lambda path, reason: None, text_of=str, is_json=True)


class Graph(Media):
    """A graph to log: nodes in the order they are added, and edges between them.

    Args:
        format: where the nodes come from (`torch`, `keras`, …); says nothing about the file.
    """

    kind: ClassVar[str] = "graph-file"

    def __init__(self, format: str = "keras") -> None:
        self.format = format
        self.nodes: list[dict[str, Any]] = []
        self.edges: list[list[Any]] = []
        self._ids: set[Any] = set()

    def add_node(self, id: Any, name: str | None = None, **fields: Any) -> dict[str, Any]:
        """Add a node and return it.

        Args:
            id: text or integer, once in a graph.
            name: shown on it.
            fields: what else is known: `class_name`, `size`, `num_parameters`, `output_shape`, `is_output`, …

        Raises:
            UsageValueError: there is a node with this id.
        """
        plain = _PLAIN.plain({"id": id, "name": name, **fields}, "Graph")
        if plain["id"] in self._ids:
            raise UsageValueError(f"Graph: there are two nodes {id!r}")
        self._ids.add(plain["id"])
        node = {key: value for key, value in plain.items() if value is not None}
        self.nodes.append(node)
        return node

    def add_edge(self, from_id: Any, to_id: Any) -> list[Any]:
        """Add an edge between two nodes that are there, and return it.

        Raises:
            UsageValueError: there is no node with one of the ids.
        """
        edge = [_PLAIN.plain(end, "Graph") for end in (from_id, to_id)]
        for end in edge:
            if end not in self._ids:
                raise UsageValueError(f"Graph: there is no node {end!r}")
        self.edges.append(edge)
        return edge

    def to_value(self, shelf: Shelf, key: str) -> Ready:
        """Return the plain dict of the graph; see `Media.to_value`."""
        data = {"format": self.format, "nodes": self.nodes, "edges": self.edges}
        content = Content("graph.json", json.dumps(data).encode())
        return file_value(self.kind, content, "graph", shelf, key, {})
