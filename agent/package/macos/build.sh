#!/bin/sh
# On a Mac: makes reeve-agent.pkg of what lies beside this script. Where there is no Mac the layout is all there is: the
# format of these packages is Apple's, and so are the tools that write it.
set -eu
cd "$(dirname "$0")"
pkgbuild --root root --scripts scripts --identifier org.reeve.agent --version '@VERSION@' --install-location / "${1:-reeve-agent.pkg}"
# Sign with: productsign --sign 'Developer ID Installer: ...' reeve-agent.pkg reeve-agent-signed.pkg
