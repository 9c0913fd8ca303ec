"""Who logs artifacts at a door."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable

from kiseki.core.artifacts import Artifact, Details
from kiseki.core.manifests import Measured
from kiseki.core.rights import Principal
from tests.unit.server.asgi import Door


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


class ArtifactClient:
    """Logs artifacts as the official client does, into the project `digits` of an entity."""

    def __init__(self, door: Door, name: str, entity: str) -> None:
        self.core = door.core
        user = door.core.meta.user(name)
        assert user is not None
        self.who: Principal = door.core.access.by_number(user.number)
        self.entity = entity
        self.count = 0

    def log(self, name: str, files: dict[str, bytes | str], **more: object) -> Artifact:
        self.count += 1
        uploads = self.core.artifacts.uploads
        details = Details(name, "model", f"d{self.count}", **more)  # type: ignore[arg-type]
        made = uploads.begin(self.who, self.entity, "digits", details)[0]
        contents = {}
        for path, data in files.items():
            if isinstance(data, str):
                contents[path] = {"digest": data, "size": 1, "ref": data}
                continue
            contents[path] = {"digest": md5(data), "size": len(data)}
            self._put(data, lambda measured, data=data: uploads.keep(made, measured, md5(data)))
        text = json.dumps({"version": 1, "contents": contents}).encode()
        manifest = uploads.add_manifest(made, "full", None, md5(text))
        self._put(text, lambda measured: uploads.keep_manifest(made, manifest, measured))
        return uploads.commit(self.who, made.number)

    def _put(self, data: bytes, keep: Callable[[Measured], object]) -> None:
        with_it = self.core.files.receive(len(data))
        measured = Measured(with_it)
        measured.write(data)
        keep(measured)
        with_it.close()
