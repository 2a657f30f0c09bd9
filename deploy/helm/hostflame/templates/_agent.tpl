{{/* The agent's variables: those alone that say something else than the agent would do by itself. */}}
{{- define "hostflame.env" -}}
- name: KUBERNETES_NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
{{- if .Values.config }}
- name: HOSTFLAME_CONFIG
  value: /etc/hostflame/config/hostflame.yaml
{{- end }}
{{- if .Values.api.port }}
- name: HOSTFLAME_API_LISTEN
  value: "0.0.0.0:{{ .Values.api.port }}"
- name: HOSTFLAME_API_TOKEN_FILE
  value: /etc/hostflame/secret/api-token
{{- end }}
{{- $agent := .Values.agent }}
{{- $tags := list }}
{{- range $key, $value := $agent.tags }}
{{- $tags = append $tags (printf "%s:%v" $key $value) }}
{{- end }}
{{- $variables := list
  (list "FREQUENCY" $agent.frequency)
  (list "WINDOW" $agent.window)
  (list "PROFILES" $agent.profiles)
  (list "MODE" $agent.mode)
  (list "INCLUDE_NAMESPACE" (join "," $agent.includeNamespaces))
  (list "EXCLUDE_NAMESPACE" (join "," $agent.excludeNamespaces))
  (list "POD_SELECTOR" $agent.podSelector)
  (list "REDACT_NAMESPACE" (join "," $agent.redactNamespaces))
  (list "POD_LABEL" (join "," $agent.podLabels))
  (list "POD_ANNOTATION" (join "," $agent.podAnnotations))
  (list "TAGS" (join "," $tags))
  (list "ENV" $agent.env)
  (list "COLLECTION_AGENT" $agent.collectionAgent)
  (list "OUTPUT_BYTES" $agent.outputBytes)
  (list "RUNTIME_SOCKET" (join "," $agent.runtimeSockets))
  (list "LOG_LEVEL" $agent.logLevel) }}
{{- range $variables }}
{{- if index . 1 }}
- name: HOSTFLAME_{{ index . 0 }}
  value: {{ index . 1 | toString | quote }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "hostflame.securityContext" -}}
{{- if .Values.securityContext }}
{{- toYaml .Values.securityContext }}
{{- else if eq .Values.rights "privileged" }}
privileged: true
readOnlyRootFilesystem: true
runAsUser: 0
{{- else }}
privileged: false
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsUser: 0
capabilities:
  drop: [ALL]
  add: [BPF, PERFMON, SYS_PTRACE, DAC_READ_SEARCH, CHECKPOINT_RESTORE, SYSLOG]
seccompProfile:
  type: RuntimeDefault
{{- /* The runtimes' AppArmor profile lets no process look at one of another profile, which is all that is done here. */}}
appArmorProfile:
  type: Unconfined
{{- end }}
{{- end }}
