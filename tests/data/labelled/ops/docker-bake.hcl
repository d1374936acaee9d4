variable "TAG" { default = "quay.io/acme/variable:1" }
target "web" {
  dockerfile = "Dockerfile"
  contexts = {
    alpine = "docker-image://alpine:3.19.1"
    golang = "docker-image://golang:1.22.1" // docker-image://x:1
    shared = "target:shared"
  }
  tags = ["quay.io/acme/web:${TAG}", "quay.io/acme/web:2"]
  cache-from = ["type=registry,ref=quay.io/acme/cache:1"]
}
