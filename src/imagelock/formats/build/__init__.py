"""Formats of building and developing: Dockerfiles, Compose, bake, dev containers, Skaffold, Ansible, devfiles."""
