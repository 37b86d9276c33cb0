"""Builds the folders of other programs as they lie on a disk, and small files to put there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

OLLAMA_CONFIG = "application/vnd.docker.container.image.v1+json"
OLLAMA_LAYER = "application/vnd.ollama.image."


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def hub_file(
    hub: Path, repository: str, file: str, data: bytes, *, revision: str = "a" * 40
) -> Path:
    """A file of the Hugging Face cache: a blob, and a link to it from a snapshot."""
    repo = hub / f"models--{repository.replace('/', '--')}"
    digest = hashlib.sha256(data).hexdigest()
    blob = put(repo / "blobs" / digest, data)
    put(repo / "refs" / "main", revision.encode())
    link = repo / "snapshots" / revision / file
    link.parent.mkdir(parents=True, exist_ok=True)
    up = "../" * (2 + file.count("/"))
    link.symlink_to(f"{up}blobs/{blob.name}")
    assert link.resolve() == blob.resolve()
    return link


def ollama_model(
    models: Path,
    name: str,
    data: bytes,
    *,
    host: str = "registry.ollama.ai",
    namespace: str = "library",
) -> Path:
    """A model of Ollama's store: a manifest of layers, each a blob named by its digest."""
    model, _, tag = name.partition(":")
    layers = []
    for kind, content in (
        ("model", data),
        ("template", b"{{ .Prompt }}"),
        ("params", b'{"stop":["<|im_end|>"]}'),
    ):
        digest = hashlib.sha256(content).hexdigest()
        put(models / "blobs" / f"sha256-{digest}", content)
        layers.append(
            {"mediaType": OLLAMA_LAYER + kind, "digest": f"sha256:{digest}", "size": len(content)}
        )
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"mediaType": OLLAMA_CONFIG, "digest": f"sha256:{'0' * 64}", "size": 2},
        "layers": layers,
    }
    path = models / "manifests" / host / namespace / model / (tag or "latest")
    put(path, json.dumps(manifest).encode())
    return models / "blobs" / str(layers[0]["digest"]).replace(":", "-")


def jan_model(data_folder: Path, name: str, data: bytes) -> Path:
    """A model of Jan: its file, and a model.yml that names it from the data folder."""
    file = put(data_folder / "llamacpp" / "models" / name / "model.gguf", data)
    relative = file.relative_to(data_folder).as_posix()
    about = f"embedding: false\nmodel_path: {relative}\nname: {name}\nsize_bytes: {len(data)}\n"
    put(file.with_name("model.yml"), about.encode())
    return file
