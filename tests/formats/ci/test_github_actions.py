"""GitHub workflows: inputs of actions that make containers of them."""

from __future__ import annotations

from formats.reading import pinned, references


def test_an_input_from_which_an_action_makes_a_container_is_pinned() -> None:
    content = (
        "on: push\njobs:\n  a:\n    steps:\n"
        "    - uses: docker/setup-qemu-action@v3\n      with: {image: 'tonistiigi/binfmt:qemu-v8'}\n"
        "    - uses: helm/kind-action@v1\n      with:\n        node_image: kindest/node:v1.30.0\n"
        "    - uses: acme/other@v1\n      with: {image: 'acme/other:1'}\n"
        "    - uses: helm/kind-action@v1\n      with: {node_image: 'kindest/node:${{ inputs.version }}'}\n"
    )
    assert references(content, ".github/workflows/a.yml") == [
        "tonistiigi/binfmt:qemu-v8",
        "kindest/node:v1.30.0",
    ]
    assert "node_image: kindest/node:v1.30.0@DIGEST" in pinned(content, ".github/workflows/a.yml")
