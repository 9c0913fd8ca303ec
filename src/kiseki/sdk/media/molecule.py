"""Molecules (M-08)."""

from __future__ import annotations

from typing import Any, ClassVar

from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.sdk.media.base import (
    Content,
    Media,
    Shelf,
    checked_caption,
    checked_file,
    extension_of,
    file_value,
    is_path,
    library,
)
from kiseki.sdk.values import Ready, type_name

FORMATS = (
    "pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "mol", "mol2", "gro", "mmtf",
)  # fmt: skip
RDKIT = "Molecule of RDKit"


class Molecule(Media):
    """A molecule to log.

    Args:
        data_or_path: the path of a file (pdb, pqr, mmcif, mcif, cif, sdf, sd, mol, mol2, gro, mmtf), or an
            open file with such a name, or with `file_type`.
        caption: text shown with it.
        file_type: format of an open file.

    Raises:
        UsageValueError: another format; a file that is not there. UsageTypeError: neither.
    """

    kind: ClassVar[str] = "molecule-file"

    def __init__(
        self, data_or_path: Any, caption: str | None = None, file_type: str | None = None
    ) -> None:
        self.caption = checked_caption(caption)
        if is_path(data_or_path):
            found = checked_file(data_or_path, "Molecule")
            self._content = Content(_format(extension_of(found), data_or_path), source=found)
        elif hasattr(data_or_path, "read"):
            name = file_type or extension_of(str(getattr(data_or_path, "name", "")))
            if hasattr(data_or_path, "seek"):
                data_or_path.seek(0)
            read = data_or_path.read()
            data = read if isinstance(read, bytes) else str(read).encode()
            self._content = Content(_format(name, data_or_path), data)
        else:
            raise UsageTypeError(f"Molecule: {type_name(data_or_path)} is no file")

    @classmethod
    def from_rdkit(
        cls,
        data_or_path: Any,
        caption: str | None = None,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """Return a molecule of RDKit (`rdkit.Chem.Mol`), or of the path of a file it reads (mol, sdf).

        Args:
            data_or_path: the molecule, or a path.
            caption: text shown with it.
            convert_to_3d_and_optimize: give it a shape.
            mmff_optimize_molecule_max_iterations: how long to look for the best one.
        """
        import io

        chem = library("rdkit.Chem", RDKIT, "rdkit")
        shapes = library("rdkit.Chem.AllChem", RDKIT, "rdkit")
        molecule = data_or_path
        if is_path(data_or_path):
            found = checked_file(data_or_path, "Molecule")
            readers = {"mol": chem.MolFromMolFile, "sdf": lambda path: chem.SDMolSupplier(path)[0]}
            if extension_of(found) not in readers:
                raise UsageValueError(f"Molecule: {data_or_path!r} is neither mol nor sdf")
            molecule = readers[extension_of(found)](found)
        if not isinstance(molecule, chem.Mol):
            raise UsageTypeError(f"Molecule: {type_name(molecule)} is no molecule of RDKit")
        if convert_to_3d_and_optimize:
            molecule = chem.AddHs(molecule)
            shapes.EmbedMolecule(molecule, randomSeed=0)
            shapes.MMFFOptimizeMolecule(molecule, maxIters=mmff_optimize_molecule_max_iterations)
        return cls(io.StringIO(chem.MolToPDBBlock(molecule)), caption, "pdb")

    @classmethod
    def from_smiles(
        cls,
        data: str,
        caption: str | None = None,
        sanitize: bool = True,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """Return the molecule of a SMILES text; needs RDKit. Arguments as `from_rdkit`."""
        chem = library("rdkit.Chem", RDKIT, "rdkit")
        molecule = chem.MolFromSmiles(data, sanitize=sanitize)
        if molecule is None:
            raise UsageValueError(f"Molecule: {data!r} is no SMILES")
        return cls.from_rdkit(
            molecule, caption, convert_to_3d_and_optimize, mmff_optimize_molecule_max_iterations
        )

    def to_value(self, shelf: Shelf, key: str) -> Ready:
        """Return the plain dict of the molecule; see `Media.to_value`."""
        return file_value(
            self.kind, self._content, "molecule", shelf, key, {"caption": self.caption}
        )


def _format(extension: str, given: Any) -> str:
    if extension.lower() not in FORMATS:
        raise UsageValueError(f"Molecule: {given!r} is none of the formats {', '.join(FORMATS)}")
    return extension.lower()
