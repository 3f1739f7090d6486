#!/usr/bin/env bash
# Builds the session of fabric8's client: install-java.sh DIRECTORY. Needs a JDK of 17 or later, Maven and its central.
set -euo pipefail

target=${1:?where the classes are to be put}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$target"
cp -r "$here"/java/* "$target"
cd "$target"
mvn -q compile dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=target/lib
