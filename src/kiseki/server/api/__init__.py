"""The native API, `docs/api/native.md`.

Each module declares its endpoints with `routing.Routes`; they parse, ask `core`, and render. The OpenAPI
document and the web app's types are made from the same declarations.
"""
