// image 'nginx:0'
def call(String image = 'maven:3.9') {
  def builderImage = "quay.io/acme/builder:1"
  docker.image('node:20').inside { sh 'make' }
  docker.image("quay.io/acme/built:1").push()
  agent { docker { image 'gradle:8' } }
  def wanted = config.image ?: 'ruby:3.3'
  podTemplate(containers: [containerTemplate(name: 'a', image: "golang:1.22")], yaml: """
spec:
  containers:
  - image: python:3.12
""")
  println "image is great: here"
  echo 'docker.image("quay.io/acme/said:1")'
  image 'a sentence about'
}
