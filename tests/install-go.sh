#!/bin/sh
# Installs Debian's or Ubuntu's Go with its source (about 80 MB to fetch), whose sumdb packages check our log in the tests.
set -eu
as_root=""
if [ "$(id -u)" != 0 ]; then as_root="sudo -n"; fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "Go's sumdb packages come from Debian's golang-src. Without apt-get, install Go and its source yourself." >&2
  exit 1
fi
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends golang-go golang-src >/dev/null
