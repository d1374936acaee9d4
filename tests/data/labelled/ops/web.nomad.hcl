job "web" {
  # image = "quay.io/acme/comment:1"
  meta { text = "image = quay.io/acme/text:1" }
  group "web" {
    task "server" {
      driver = "docker"
      config {
        image = "nginx:1.25.4-alpine"
        args  = ["--image=quay.io/acme/argument:1"]
      }
    }
    task "sidecar" {
      driver = "podman"
      config { image = "docker://quay.io/acme/sidecar:2" }
    }
    task "chosen" {
      config { image = "quay.io/acme/chosen:${var.tag}" }
    }
    task "machine" {
      driver = "qemu"
      config { image_path = "local/image:1" }
    }
  }
}
