"""Formats of Kubernetes objects: built-in kinds, custom resources, Tekton, Argo Workflows."""
