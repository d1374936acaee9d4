{{/*
The name. image: nothing/here:1
*/}}
{{- define "web.fullname" -}}
{{ .Release.Name }}-web
{{- end }}
{{- define "web.sidecar" -}}
- name: sidecar
  image: quay.io/shop/sidecar:0.9
  imagePullPolicy: Always
{{- end }}
