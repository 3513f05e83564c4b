{{/* The image that everything runs, but a manager with an image of its own: by digest where there is one. */}}
{{- define "turnout.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ include "turnout.version" . }}
{{- end -}}
{{- end -}}

{{/* The manager's: with git the variant on Debian, by a digest of its own. */}}
{{- define "turnout.managerImage" -}}
{{- $own := .Values.manager.image -}}
{{- $name := $own.repository | default .Values.image.repository -}}
{{- if $own.digest -}}
{{ $name }}@{{ $own.digest }}
{{- else if or $own.repository $own.tag .Values.git.enabled -}}
{{ $name }}:{{ $own.tag | default (printf "%s%s" (include "turnout.version" .) (ternary "-debian" "" .Values.git.enabled)) }}
{{- else -}}
{{ include "turnout.image" . }}
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
