//go:build tools

// Package tools holds the version of what a CRD is made from: go.mod's tools are only programs.
package tools

import _ "github.com/fluxcd/helm-controller/api/v2"
