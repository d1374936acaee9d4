"""Formats of GitOps tools: Argo CD, Flux, Kustomize."""
