"""Print the server's OpenAPI document, from which the web app's types are made.

python scripts/openapi.py | npm --prefix web run --silent types [-- --check]
"""

from __future__ import annotations

import json

from kiseki.server.app import endpoints
from kiseki.server.openapi import document

if __name__ == "__main__":
    print(json.dumps(document(endpoints())))
