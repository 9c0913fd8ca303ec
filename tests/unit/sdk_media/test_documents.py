"""Pages, figures, graphs, things in space, molecules: M-03, M-07, M-08, M-09."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kiseki
from tests.unit.sdk_media.conftest import Logged


def test_html(logged: Logged, tmp_path: Path) -> None:  # M-07
    value = logged.value(kiseki.Html("<b>hé</b>", inject=False), step=1)
    assert value["_type"] == "html-file" and logged.bytes_of(value).decode() == "<b>hé</b>"
    assert value["path"] == f"media/html/m_1_{value['sha256'][:20]}.html"
    path = tmp_path / "page.html"
    path.write_text("<html><head x=1><title>t</title></head></html>")
    with path.open() as text_file, path.open("rb") as binary_file:
        for given in (path, str(path), text_file, binary_file):
            text = logged.bytes_of(logged.value(kiseki.Html(given))).decode()
            assert text.startswith("<html><head x=1><base") and "<style>" in text
    assert kiseki.Html("plain", inject=True).html.endswith("plain")
    assert kiseki.Html("not/there.html", inject=False).html == "not/there.html"
    with pytest.raises(TypeError):
        kiseki.Html(3)


def test_plotly(logged: Logged) -> None:  # M-03
    from plotly import graph_objects

    figure = graph_objects.Figure(graph_objects.Scatter(x=[1, 2], y=[3, 4]))
    for given in (figure, kiseki.Plotly(figure), kiseki.Plotly(figure.to_dict())):
        value = logged.value(given)
        assert value["_type"] == "plotly-file" and value["path"].endswith(".plotly.json")
        found = json.loads(logged.bytes_of(value))
        assert found["data"][0]["type"] == "scatter" and "layout" in found
    with pytest.raises(TypeError):
        kiseki.Plotly({"x": 1})


def test_a_graph(logged: Logged) -> None:  # M-09
    graph = kiseki.Graph("torch")
    graph.add_node("a", "conv", class_name="Conv2d", size=(3, np.int64(4)))
    graph.add_node(1)
    graph.add_edge("a", 1)
    value = logged.value(graph)
    assert value["_type"] == "graph-file" and value["path"].endswith(".graph.json")
    assert json.loads(logged.bytes_of(value)) == {
        "format": "torch",
        "nodes": [{"id": "a", "name": "conv", "class_name": "Conv2d", "size": [3, 4]}, {"id": 1}],
        "edges": [["a", 1]],
    }
    with pytest.raises(ValueError):
        graph.add_node("a")
    with pytest.raises(ValueError):
        graph.add_edge("a", "b")


@pytest.mark.parametrize("width", [3, 4, 6])
def test_points(logged: Logged, width: int) -> None:  # M-08
    points = np.arange(5.0 * width).reshape(5, width)
    value = logged.value(kiseki.Object3D(points, caption="c"))
    assert value["_type"] == "object3D-file" and value["caption"] == "c"
    assert value["path"].startswith("media/object3D/m_")
    assert value["path"].endswith(".pts.json")
    assert json.loads(logged.bytes_of(value)) == points.tolist()
    assert logged.value(kiseki.Object3D.from_numpy(points), step=9)["sha256"] == value["sha256"]


def test_a_scene(logged: Logged) -> None:  # M-08
    box = kiseki.box3d(center=(1, 2, 3), size=(2, 4, 6), label="car", score=0.5, color=(1, 2, 3))
    assert sorted(map(tuple, box["corners"])) == sorted(
        (x, y, z) for x in (0, 2) for y in (0, 4) for z in (0, 6)
    )
    points = np.random.default_rng(0).normal(size=(100, 3))
    vectors = [{"start": [0, 0, 0], "end": np.array([0.1, 0.2, 0.5])}]
    value = logged.value(kiseki.Object3D.from_point_cloud(points, [box], vectors))
    assert json.loads(logged.bytes_of(value)) == {
        "type": "lidar/beta",
        "points": points.tolist(),
        "boxes": [box],
        "vectors": [{"start": [0, 0, 0], "end": [0.1, 0.2, 0.5]}],
    }
    assert box["color"] == [1, 2, 3] and box["label"] == "car" and box["score"] == 0.5


def test_a_turned_box() -> None:  # M-08
    half = np.sqrt(0.5)  # a quarter about z, by a quaternion that is not normalised
    box = kiseki.box3d(center=(0, 0, 0), size=(2, 4, 6), orientation=(5 * half, 0, 0, 5 * half))
    corners = np.array(box["corners"])
    assert np.allclose(np.abs(corners), [2, 1, 3])
    assert np.allclose(corners[0], [2, -1, -3])  # (-1, -2, -3) about z
    for wrong in ({"center": (0, 0)}, {"orientation": (0, 0, 0, 0)}, {"size": (1, 2, np.nan)}):
        with pytest.raises(ValueError):
            kiseki.box3d(**{"center": (0, 0, 0), "size": (1, 1, 1), **wrong})


def test_files_in_space(logged: Logged, tmp_path: Path) -> None:  # M-08
    for extension in ("obj", "gltf", "glb", "stl", "babylon", "pts.json"):
        path = tmp_path / f"a.{extension}"
        path.write_bytes(b"mesh")
        value = logged.value(kiseki.Object3D(path))
        assert value["path"].endswith(f".{extension}") and logged.bytes_of(value) == b"mesh"
        with path.open() as file:
            assert logged.value(kiseki.Object3D(file))["path"].endswith(f".{extension}")
    value = logged.value(kiseki.Object3D(io.StringIO("v 1 1 1"), file_type="obj"))
    assert logged.bytes_of(value) == b"v 1 1 1"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (np.zeros((3, 5)), ValueError),
        (np.zeros(3), ValueError),
        (np.array([["a", "b", "c"]]), TypeError),
        ({"type": "other", "points": []}, ValueError),
        ({}, ValueError),
        (__file__, ValueError),
        (io.StringIO(""), ValueError),
        (7, TypeError),
    ],
)
def test_no_things_in_space(given: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        kiseki.Object3D(given)


@pytest.mark.parametrize("extension", ["pdb", "sdf", "mol", "mol2", "cif", "PDB"])
def test_molecules(logged: Logged, tmp_path: Path, extension: str) -> None:  # M-08
    path = tmp_path / f"water.{extension}"
    path.write_text("HOH")
    value = logged.value(kiseki.Molecule(path, caption="c"))
    assert value["_type"] == "molecule-file" and value["caption"] == "c"
    assert value["path"].startswith("media/molecule/m_")
    assert value["path"].endswith(f".{extension.lower()}")
    with path.open() as file:
        assert logged.bytes_of(logged.value(kiseki.Molecule(file))) == b"HOH"
    assert logged.value(kiseki.Molecule(io.StringIO("x"), file_type="sdf"))["size"] == 1


def test_no_molecules(tmp_path: Path) -> None:
    for given in (__file__, "no.pdb", io.StringIO("x")):
        with pytest.raises(ValueError):
            kiseki.Molecule(given)
    with pytest.raises(TypeError):
        kiseki.Molecule(3)
    with pytest.raises(kiseki.Error, match="pip install"):
        kiseki.Molecule.from_smiles("O")
