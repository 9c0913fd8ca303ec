"""Write the golden files that are missing. Never touches one that is there (see README.md)."""

from __future__ import annotations

import sys
from pathlib import Path

from kiseki.journal.header import pack_header
from kiseki.record.frame import pack
from tests.golden.samples import CREATED_US, SAMPLES, STREAM, kind_of, payload_of

HERE = Path(__file__).parent


def frames() -> dict[str, bytes]:
    """Return the frame of every sample; its sequence is its place in the journal."""
    return {
        name: pack(kind_of(record), seq, payload_of(record))
        for seq, (name, record) in enumerate(SAMPLES.items())
    }


def as_hex(data: bytes) -> bytes:
    """Return bytes as lines of hex, 32 bytes each."""
    lines = [data[at : at + 32].hex() for at in range(0, len(data), 32)]
    return ("\n".join(lines) + "\n").encode()


def wanted() -> dict[Path, bytes]:
    """Return every golden file with the content today's Kiseki gives it."""
    made = frames()
    files = {HERE / "record" / f"{name}.hex": as_hex(data) for name, data in made.items()}
    journal = pack_header(STREAM, CREATED_US) + b"".join(made.values())
    files[HERE / "journal" / "run.kslog"] = journal
    damaged = bytearray(journal[:-5])
    damaged[journal.index(made["row"]) + 30] ^= 0x10
    files[HERE / "journal" / "damaged.kslog"] = bytes(damaged)
    return files


def main() -> int:
    status = 0
    for path, data in wanted().items():
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            print(f"written: {path.relative_to(HERE)}")
        elif path.read_bytes() != data:
            print(f"differs, left alone: {path.relative_to(HERE)}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
