#!/usr/bin/env bash
# Installs client-node beside its session: install-javascript.sh DIRECTORY. Needs Node.js, npm and its registry.
set -euo pipefail

target=${1:?where the session is to be put}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$target"
cp "$here"/javascript/* "$target"
cd "$target"
npm install --no-audit --no-fund --loglevel=error
