#!/usr/bin/env bash
# docker run nginx:0
set -euo pipefail
docker run --rm -it -v "$PWD:/x" --name web -p 80:80 nginx:1.25 sh -c 'echo quay.io/acme/said'
docker pull quay.io/acme/pulled:1
docker run -d \
    -e A=b:1 \
    --network host \
    quay.io/acme/app:2 \
    --listen :8080
TOOL_IMAGE=ghcr.io/acme/tool:1
docker run "$TOOL_IMAGE" ls
OTHER_IMAGE="ghcr.io/acme/other:1"
echo "$OTHER_IMAGE"
IMG=acme/built:dev
docker build -t "${IMG}" .
podman run ${SHELL_IMAGE:-ghcr.io/acme/shell:3} x
skopeo copy docker://quay.io/acme/from:1 docker://registry.example.com/acme/to:2
kubectl run box --image=busybox:1.36 --restart=Never
kubectl set image deploy/web web=nginx:1.27 --record
kind create cluster --image kindest/node:v1.30.0
cat <<EOF | kubectl apply -f -
apiVersion: v1
kind: Pod
spec:
  containers:
  - name: web
    image: httpd:2.4
EOF
docker run redis:7
docker tag redis:7 acme/redis
docker run alpine ls
echo "use docker run acme/usage:1 to start"
VERSION=1:2
PORTS=8080:80
