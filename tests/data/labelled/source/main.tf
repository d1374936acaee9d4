# image = "nginx:0"
variable "app_image" {
  description = "the image, such as quay.io/acme/described:1"
  type        = string
  default     = "quay.io/acme/app:1.0"
}
variable "tag" { default = "2.0" }
variable "region" { default = "eu:west" }
locals {
  sidecar_image = "ghcr.io/acme/side:3"
  disk_image    = "debian-cloud/debian-11"
}
resource "docker_image" "nginx" { name = "nginx:1.25" }
resource "docker_network" "net" { name = "net:1" }
resource "kubernetes_deployment" "web" {
  spec { template { spec {
    container {
      name  = "redis"
      image = "redis"
      image_pull_policy = "Always"
    }
    container { image = var.app_image }
    container { image = "quay.io/acme/web:${var.tag}" }
    init_container { image = local.sidecar_image }
    container { image = "quay.io/${var.org}/web:1" }
  } } }
}
resource "google_compute_instance" "vm" {
  boot_disk { initialize_params { image = "debian-cloud/debian-11" } }
}
resource "aws_ecs_task_definition" "task" {
  container_definitions = jsonencode([
    { name = "a", image = "httpd:2.4", portMappings = [{ containerPort = 80 }] },
    { "name": "b", "image": "public.ecr.aws/acme/b:7" },
  ])
}
resource "kubectl_manifest" "pod" {
  yaml_body = <<-YAML
    spec:
      containers:
      - name: box
        image: busybox:1.36 # pinned here
        # image: busybox:0
  YAML
}
module "shop" {
  source = "git::https://example.com/acme/shop.git?ref=v1:2"
  image  = "quay.io/acme/shop:1"
}
resource "helm_release" "chart" {
  set {
    name  = "image.tag"
    value = "1.2.3"
  }
}
