"""Languages that are read by their words: Terraform, Makefiles, scripts, Bazel, Jsonnet, TOML."""
