{{- define "imagelock.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "imagelock.selector" -}}
app.kubernetes.io/name: imagelock
app.kubernetes.io/instance: {{ include "imagelock.name" . }}
{{- end -}}

{{- define "imagelock.labels" -}}
{{ include "imagelock.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "imagelock.lockName" -}}
{{- if .Values.lock.existingConfigMap -}}
{{ .Values.lock.existingConfigMap }}
{{- else -}}
{{ include "imagelock.name" . }}-{{ required "give the lock: --set-file lock.text=images.lock, or lock.existingConfigMap" .Values.lock.text | sha256sum | trunc 10 }}
{{- end -}}
{{- end -}}

{{- define "imagelock.scope" -}}
{{- range .Values.watch.namespaces }}
- --namespace={{ . }}
{{- end }}
{{- range .Values.watch.kinds }}
- --kind={{ . }}
{{- end }}
{{- if .Values.config }}
- --config=/config/imagelock.toml
{{- end }}
{{- end -}}

{{- define "imagelock.pod" -}}
serviceAccountName: {{ include "imagelock.name" . }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65534
  runAsGroup: 65534
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
- name: lock
  configMap: {name: {{ include "imagelock.lockName" . }}}
- name: tmp
  emptyDir: {}
{{- if .Values.config }}
- name: config
  configMap: {name: {{ include "imagelock.name" . }}-config}
{{- end }}
{{- if and .Values.webhook.enabled (eq .Values.mode "agent") }}
- name: tls
  secret: {secretName: {{ required "webhook.secretName names the certificate" .Values.webhook.secretName }}}
{{- end }}
{{- end -}}

{{- define "imagelock.container" -}}
image: {{ printf "%s@%s" .Values.image.repository .Values.image.digest | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
resources: {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
env:
- {name: HOME, value: /tmp}
{{- if and .Values.notify.secretName (eq .Values.mode "agent") }}
- name: IMAGELOCK_NOTIFY
  valueFrom:
    secretKeyRef: {name: {{ .Values.notify.secretName }}, key: notify}
{{- end }}
volumeMounts:
- {name: lock, mountPath: /lock, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if .Values.config }}
- {name: config, mountPath: /config, readOnly: true}
{{- end }}
{{- if and .Values.webhook.enabled (eq .Values.mode "agent") }}
- {name: tls, mountPath: /tls, readOnly: true}
{{- end }}
{{- end -}}
