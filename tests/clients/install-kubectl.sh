#!/usr/bin/env bash
# Builds kubectl from its Go module into a directory: install-kubectl.sh DIRECTORY [VERSION].
#
# Needs Go and what serves Go modules. A kubectl that is on the path already needs no building.
set -euo pipefail

target=${1:?where kubectl is to be put}
version=${2:-v0.36.3}
mkdir -p "$target"
target=$(cd "$target" && pwd)
if ! command -v go >/dev/null; then
    printf 'there is no go here to build kubectl with\n' >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >go.mod <<GO
module kubectl

go 1.26

require (
	k8s.io/component-base $version
	k8s.io/kubectl $version
)
GO
cat >main.go <<'GO'
package main

import (
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"

	_ "k8s.io/client-go/plugin/pkg/client/auth"
)

func main() {
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}
GO
go mod tidy
# As its releases are stamped, so that it says which it is.
release=v1.${version#v0.}
go build -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$release -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=$(cut -d. -f2 <<<"$version")" -o "$target/kubectl" .
"$target/kubectl" version --client
