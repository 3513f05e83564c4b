{{/* The image that everything runs: by digest where there is one. */}}
{{- define "turnout.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ include "turnout.version" . }}
{{- end -}}
{{- end -}}

{{- define "turnout.version" -}}
{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* What a pod's spec has of where it runs and from which registry. */}}
{{- define "turnout.place" -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .part.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
