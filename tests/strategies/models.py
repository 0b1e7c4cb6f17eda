"""Models made to do harm: changed, and with the hashes of what they hold then."""

import hashlib
import json

from nucleisplit.model.manifest import Manifest

__all__ = ["sign_manifest"]


def sign_manifest(folder, change=lambda values: None):
    """Change the manifest and give it the hashes of its files and its own fingerprint again."""
    path = folder / "manifest.json"
    values = json.loads(path.read_text())
    values.pop("fingerprint")
    for name in values["files"]:
        values["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    change(values)
    manifest = Manifest.model_validate(values)
    content = manifest.to_dict() | {"fingerprint": manifest.fingerprint}
    path.write_text(json.dumps(content))
