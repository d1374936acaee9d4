"""Which word of a command is its image, in scripts and Makefiles, and where a digest may be written."""

from __future__ import annotations

import pytest

from formats.reading import pinned, reasons, references, refusals
from imagelock.formats.classify.by_value import BUILT
from imagelock.formats.source.commands import ASKS, GOES, NO_TAG, NOT_BOTH
from imagelock.formats.source.shell import BY_NAME, UNTAGGED, USES

A, B = "quay.io/acme/a:1", "redis:7"


@pytest.mark.parametrize(
    "command",
    [
        f"docker run {A}",
        f"docker run --rm -it -v $PWD:/x --name x -p 80:80 {A} sh -c 'x:1'",
        f"docker run -dit --network=host -e A=b:1 {A} --flag x:2",
        f"docker run \\\n  -d \\\n  {A} \\\n  --image",
        f"sudo podman container run -u root {A}",
        f"out=$(docker run --rm {A} cat /x)",
        f"if ! nerdctl create {A}; then exit 1; fi",
        f"$(CONTAINER_TOOL) run {A}",
        f"${{DOCKER}} run {A}",
        f"kubectl run x --image={A} --restart=Never",
        f"kubectl run x --image {A}",
        f"kubectl create deployment x --image={A}",
        f"kubectl set image deploy/x x={A}",
        f"kind create cluster --image {A}",
    ],
)
def test_the_image_of_a_command_that_makes_a_container_is_pinned(command: str) -> None:
    assert references(command, "run.sh") == [A]
    assert pinned(command, "run.sh") == command.replace(A, f"{A}@DIGEST")


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (f"docker pull {A}", NO_TAG),
        (f"crictl pull {A}", NO_TAG),
        (f"crane digest {A}", ASKS),
        (f"cosign verify --key x.pub {A}", ASKS),
        (f"skopeo inspect docker://{A}", NOT_BOTH),
        (f"docker run {A}\ndocker tag {A} x\n", BY_NAME.format(2)),
        (f"docker run {A}\nkind load docker-image {A}\n", BY_NAME.format(2)),
    ],
)
def test_where_a_digest_would_change_what_the_tool_does_an_image_is_found_and_kept(
    command: str, reason: str
) -> None:
    assert refusals(command, "run.sh") == {A: reason}
    assert pinned(command, "run.sh") == command


@pytest.mark.parametrize(
    "content",
    [
        f"# docker run {A}",
        f'echo "then docker run {A} by hand"',
        f"printf 'docker run {A}\\n'",
        "docker run $IMAGE",
        "docker run --rm -it",
        "docker compose run web",
        "docker build -t x .",
        "kubectl set env deploy/x A=acme/b:1",
        "kubectl set resources deploy/x --limits=cpu=1",
        "docker running quay.io/acme/a",
        "PORTS=8080:80",
        "DISK_IMAGE=debian.img",
    ],
)
def test_what_is_no_image_of_a_command_is_not_found(content: str) -> None:
    assert references(content, "run.sh") == []


def test_a_name_without_a_tag_may_be_built_here_and_the_target_of_a_copy_is_its_name() -> None:
    assert reasons("docker run alpine ls\n", "run.sh") == {"alpine": UNTAGGED}
    copied = reasons(f"skopeo copy docker://{A} docker://quay.io/acme/to:1\n", "run.sh")
    assert copied == {"quay.io/acme/to:1": GOES}


@pytest.mark.parametrize(
    "content",
    [
        f"IMAGE={B}\ndocker run $IMAGE ls\n",
        f'export TOOL_IMAGE="{B}"\ndocker run --rm "${{TOOL_IMAGE}}" ls\n',
        f"LINT_IMG ?= {B} # note\nlint:\n\tdocker run $(LINT_IMG)\n",
        f"docker run ${{IMAGE:-{B}}} ls\n",
    ],
)
def test_a_variable_whose_every_use_makes_a_container_is_pinned(content: str) -> None:
    assert pinned(content, "Makefile") == content.replace(B, f"{B}@DIGEST")


@pytest.mark.parametrize(
    "content",
    [
        f"IMAGE={B}\necho $IMAGE\n",
        f"IMAGE={B}\ndocker run $IMAGE; docker save $IMAGE\n",
        f"IMAGE={B}\ndocker run $IMAGE-debug\n",
        f"IMAGE={B}\n",
        f": ${{IMAGE:={B}}}\ndocker tag $IMAGE x\n",
    ],
)
def test_a_variable_with_another_use_or_with_none_is_found_and_kept(content: str) -> None:
    assert refusals(content, "run.sh") == {B: USES.format("IMAGE")}


@pytest.mark.parametrize("use", ["docker build -t $IMG .", "docker push ${IMG}", "docker tag x $IMG"])
def test_a_variable_that_names_what_is_built_is_no_reference(use: str) -> None:
    assert reasons(f"IMG=acme/x:dev\n{use}\n", "run.sh") == {"acme/x:dev": BUILT}


def test_objects_in_heredocs_are_pinned() -> None:
    script = f"kubectl apply -f - <<EOF\nspec:\n  containers:\n  - name: x\n    image: {A} # c\nEOF\n"
    assert pinned(script, "deploy") == script
    assert pinned(f"#!/bin/sh\n{script}", "deploy") == f"#!/bin/sh\n{script}".replace(A, f"{A}@DIGEST")
