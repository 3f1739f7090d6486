#!/usr/bin/env bash
# Builds the session of client-go and controller-runtime: install-go.sh DIRECTORY. Needs Go and what serves Go modules.
set -euo pipefail

target=${1:?where the program is to be put}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$target"
target=$(cd "$target" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/go/main.go" "$work"
cd "$work"
cat >go.mod <<'GO'
module session

go 1.26

require (
	k8s.io/api v0.36.3
	k8s.io/apimachinery v0.36.3
	k8s.io/client-go v0.36.3
	sigs.k8s.io/controller-runtime v0.24.1
)
GO
go mod tidy
go build -trimpath -ldflags '-s -w' -o "$target/session" .
