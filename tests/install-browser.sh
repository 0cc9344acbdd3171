#!/bin/sh
# Installs Debian's or Ubuntu's Chromium and poppler for the browser and PDF tests.
set -eu
as_root=""
if [ "$(id -u)" != 0 ]; then as_root="sudo"; fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "The browser tests need Chromium on the path. Install it with your system's package manager, then run make test again." >&2
  exit 1
fi
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium poppler-utils >/dev/null
