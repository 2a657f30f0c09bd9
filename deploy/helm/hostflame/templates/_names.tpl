{{- define "hostflame.name" -}}
{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "hostflame.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "hostflame.name" .) }}
{{- end }}

{{- define "hostflame.priorityClass" -}}
{{ .Values.priorityClass.name | default (include "hostflame.name" .) }}
{{- end }}

{{- define "hostflame.labels" -}}
app.kubernetes.io/name: hostflame
app.kubernetes.io/instance: {{ include "hostflame.name" . }}
{{- end }}
