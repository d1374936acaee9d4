"""A ClusterServiceVersion and its operator's Deployment, as small as they can be."""

from __future__ import annotations

OPERATOR = "quay.io/acme/web-operator:1.0"
SERVER = "quay.io/acme/web-server:1.0"
PROXY = "nginx:1.27"
HIDDEN = "quay.io/acme/tools:ubi"
CONFIG = "[olm]\nrelated-images = true\n"


def bundle(*, related: str = "", env: str = "", server: str = SERVER) -> str:
    """Return the text of a ClusterServiceVersion; ``env`` are more variables, ``related`` its last key."""
    return f"""apiVersion: operators.coreos.com/v1alpha1
kind: ClusterServiceVersion
metadata:
  annotations:
    containerImage: {OPERATOR}
  name: web.v1.0
spec:
  install:
    spec:
      deployments:
      - name: web-operator
        spec:
          template:
            spec:
              containers:
              - name: web-operator
                image: {OPERATOR}
                env:
                - name: WATCH_NAMESPACE
                - name: RELATED_IMAGE_server
                  value: {server}
                - name: RELATED_IMAGE_proxy
                  value: {PROXY}
                - name: DEFAULTS
                  value: '[{{"image": "{HIDDEN}"}}]'
{env}                resources: {{}}
    strategy: deployment
  version: 1.0.0 # the release
{related}"""


def manager() -> str:
    """Return the text of the operator's Deployment."""
    return f"""apiVersion: apps/v1
kind: Deployment
metadata: {{name: web-operator}}
spec:
  template:
    spec:
      containers:
        - name: web-operator
          image: {OPERATOR}
          env:
            - name: RELATED_IMAGE_server
              value: "{SERVER}"
          resources: {{}}
"""
