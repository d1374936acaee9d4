// image: 'nginx:0'
/* image: 'nginx:1' */
local image = 'ghcr.io/acme/local:1';
{
  image: 'nginx:1.25',
  'image': "quay.io/acme/quoted:2",
  sidecarImage:: 'quay.io/acme/hidden:3',
  imagePullPolicy: 'IfNotPresent',
  version: 'v1:2',
  text: |||
    containers:
    - image: redis:7
    # - image: redis:0
  |||,
  other: 'the image: nginx:1.24 is old',
}
