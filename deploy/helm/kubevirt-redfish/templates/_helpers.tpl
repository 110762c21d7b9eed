{{- define "kubevirt-redfish.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "kubevirt-redfish.fullname" -}}
{{- $name := include "kubevirt-redfish.name" . }}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "kubevirt-redfish.namespace" -}}
{{- default .Release.Namespace .Values.global.namespace }}
{{- end }}

{{- define "kubevirt-redfish.selectorLabels" -}}
app.kubernetes.io/name: {{ include "kubevirt-redfish.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kubevirt-redfish.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "kubevirt-redfish.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* metadata of an object: (list root name-or-empty extra-labels annotations) */}}
{{- define "kubevirt-redfish.metadata" -}}
{{- $root := index . 0 }}{{ $labels := index . 2 }}{{ $annotations := index . 3 -}}
name: {{ index . 1 }}
namespace: {{ include "kubevirt-redfish.namespace" $root }}
labels:
  {{- include "kubevirt-redfish.labels" $root | nindent 2 }}
  {{- with $labels }}{{ toYaml . | nindent 2 }}{{ end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "kubevirt-redfish.serviceAccountName" -}}
{{- if .Values.rbac.serviceAccount.create }}{{ default (include "kubevirt-redfish.fullname" .) .Values.rbac.serviceAccount.name }}
{{- else }}{{ default "default" .Values.rbac.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "kubevirt-redfish.image" -}}
{{- $old := .Values.global.image }}
{{- $repository := default .Values.image.repository $old.repository }}
{{- $tag := default (default .Chart.AppVersion $old.tag) .Values.image.tag }}
{{- if .Values.image.digest }}{{ printf "%s@%s" $repository .Values.image.digest }}
{{- else }}{{ printf "%s:%s" $repository $tag }}
{{- end }}
{{- end }}

{{/* "true" if a switch that may be `auto` is on: (list value condition-of-auto) */}}
{{- define "kubevirt-redfish.on" -}}
{{- $value := index . 0 }}
{{- if eq (toString $value) "auto" }}{{ if index . 1 }}true{{ end }}{{ else if $value }}true{{ end }}
{{- end }}

{{- define "kubevirt-redfish.tlsSecret" -}}
{{- $tls := .Values.server.tls }}
{{- if $tls.existingSecret }}{{ $tls.existingSecret }}
{{- else if or $tls.certManager.enabled $tls.serviceCa.enabled }}{{ include "kubevirt-redfish.fullname" . }}-tls
{{- end }}
{{- end }}

{{- define "kubevirt-redfish.tls" -}}
{{- if or .Values.server.tls.enabled (include "kubevirt-redfish.tlsSecret" .) }}true{{ end }}
{{- end }}

{{/* The configuration file, with the passwords or hashes of its users. */}}
{{- define "kubevirt-redfish.config" -}}
{{- $tls := dict "enabled" false }}
{{- if include "kubevirt-redfish.tls" . }}
{{- if not (include "kubevirt-redfish.tlsSecret" .) }}
{{- fail "server.tls.enabled is true, but there is no certificate: set server.tls.existingSecret, .certManager.enabled or .serviceCa.enabled" }}
{{- end }}
{{- $tls = dict "enabled" true "cert_file" "/app/tls/tls.crt" "key_file" "/app/tls/tls.key" }}
{{- if ne .Values.server.tls.profile "intermediate" }}{{ $_ := set $tls "profile" .Values.server.tls.profile }}{{ end }}
{{- end }}
{{- $server := dict "host" .Values.server.host "port" .Values.server.port "tls" $tls }}
{{- range .Values.authentication.users }}
{{- if not (or .password .password_file) }}{{ fail (printf "authentication.users: %s has no password" .username) }}{{ end }}
{{- end }}
{{- $authentication := dict "users" .Values.authentication.users }}
{{- if .Values.authentication.kubernetes }}{{ $_ := set $authentication "kubernetes" true }}{{ end }}
{{- if .Values.authentication.roles }}{{ $_ := set $authentication "roles" .Values.authentication.roles }}{{ end }}
{{- $datavolume := dict }}
{{- range $key, $value := .Values.datavolume }}
{{- if not (and (kindIs "string" $value) (eq $value "")) }}{{ $_ := set $datavolume $key $value }}{{ end }}
{{- end }}
{{- $config := dict "server" $server "system_id_convention" .Values.server.system_id_convention "chassis" .Values.chassis "authentication" $authentication "kubevirt" .Values.kubevirt "datavolume" $datavolume }}
{{- toYaml (mergeOverwrite $config (deepCopy .Values.config)) }}
{{- end }}

{{/* The namespaces that chassis name, each once. */}}
{{- define "kubevirt-redfish.namespaces" -}}
{{- $namespaces := list }}
{{- range .Values.chassis }}{{ $namespaces = append $namespaces .namespace }}{{ end }}
{{- join " " (uniq $namespaces) }}
{{- end }}

{{/* What the service does to machines and images, in a namespace or everywhere. */}}
{{- define "kubevirt-redfish.machineRules" -}}
- apiGroups: [kubevirt.io]
  resources: [virtualmachines]
  verbs: [get, list, watch, patch]
- apiGroups: [kubevirt.io]
  resources: [virtualmachineinstances]
  verbs: [get, list, watch]
- apiGroups: [subresources.kubevirt.io]
  resources: [virtualmachines/start, virtualmachines/stop, virtualmachines/restart]
  verbs: [update]
- apiGroups: [subresources.kubevirt.io]
  resources: [virtualmachineinstances/pause, virtualmachineinstances/unpause, virtualmachineinstances/softreboot, virtualmachineinstances/reset, virtualmachineinstances/inject-nmi]
  verbs: [update]
- apiGroups: [cdi.kubevirt.io]
  resources: [datavolumes]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get]
- apiGroups: [""]
  resources: [secrets]
  verbs: [create, delete]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [create]
{{- end }}

{{/* What it reads of the whole cluster. */}}
{{- define "kubevirt-redfish.clusterRules" -}}
- apiGroups: [kubevirt.io]
  resources: [kubevirts]
  verbs: [list]
{{- $images := mergeOverwrite (deepCopy .Values.datavolume) (deepCopy (default dict .Values.config.datavolume)) }}
{{- if ne (toString (index $images "share_imports")) "false" }}
- apiGroups: [cdi.kubevirt.io]
  resources: [storageprofiles]
  verbs: [get]
{{- if not $images.storage_class }}
- apiGroups: [storage.k8s.io]
  resources: [storageclasses]
  verbs: [list]
{{- end }}
{{- end }}
{{- if .Values.authentication.kubernetes }}
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
- apiGroups: [authorization.k8s.io]
  resources: [subjectaccessreviews]
  verbs: [create]
{{- end }}
{{- end }}
