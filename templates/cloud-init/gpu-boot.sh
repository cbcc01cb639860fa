#!/bin/bash
# Boots a GPU node stage by stage and tells the platform when each begins and ends. It stops at the
# first error and says so; after a reboot it goes on with the stage that was not finished.
set -Eeuo pipefail

# shellcheck source=/dev/null
. /etc/wopr/gpu.env
: "${WOPR_REGISTER_URL:?}" "${WOPR_NODE:?}" "${WOPR_BOOT_TOKEN:?}" "${WOPR_MODELS:?}"

STATE=${WOPR_STATE:-/var/lib/wopr}
LOG=$STATE/boot.log
STAGE=waiting
mkdir -p "$STATE/models" "$STATE/tls"
exec > >(tee -a "$LOG") 2>&1

# report STAGE EVENT [FILE-WITH-LOG | FILE-WITH-CERTIFICATE]: retried for minutes; what was reported
# before a lost answer is no error.
report() {
  local body answer status
  body=$(python3 - "$WOPR_NODE" "$2" "${3:-}" <<'PYTHON'
import json, sys
node, event, file = sys.argv[1:]
text = open(file, errors="replace").read() if file else ""
said = {"node": node, "event": event}
said["certificate" if "BEGIN CERTIFICATE" in text else "log"] = text[-8000:].replace("\0", "")
print(json.dumps(said))
PYTHON
  )
  answer=$(mktemp)
  # By IPv4, since that is the address by which the platform knows this machine.
  status=$(curl --ipv4 --silent --show-error --output "$answer" --write-out '%{http_code}' \
    --retry 10 --retry-all-errors --retry-max-time 600 --max-time 30 \
    --header "Authorization: Bearer $WOPR_BOOT_TOKEN" --header 'Content-Type: application/json' \
    --data-binary "$body" "$WOPR_REGISTER_URL?stage=$1")
  if [ "$status" != 200 ] && ! grep -q already_reported "$answer"; then
    echo "the platform refused $1 $2: $status $(cat "$answer")"
    return 1
  fi
  cat "$answer" > "$STATE/answer.json"
  rm -f "$answer"
}

# told NAME: what the platform's last answer says under that name.
told() {
  python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' \
    "$STATE/answer.json" "$1"
}

fail() {
  trap - ERR
  echo "stage $STAGE failed at line $1"
  sync
  { tail -c 6000 "$LOG" || echo "there is no log"; } > "$STATE/failure.log"
  report "$STAGE" fail "$STATE/failure.log" || true
  touch "$STATE/failed"
  exit 1
}
trap 'fail $LINENO' ERR

# stage NAME FUNCTION [FILE-FOR-THE-END]
stage() {
  STAGE=$1
  if [ -e "$STATE/$1.done" ]; then return; fi
  echo "== $1"
  report "$1" begin
  "$2"
  report "$1" end "${3:-}"
  touch "$STATE/$1.done"
}

patiently() {
  local n
  for n in 1 2 3 4 5; do
    if "$@"; then return 0; fi
    echo "try $n of '$1' failed"
    sleep $((n * ${WOPR_PATIENCE:-10}))
  done
  return 1
}

install_drivers() {
  export DEBIAN_FRONTEND=noninteractive
  patiently apt-get update
  patiently apt-get install -y --no-install-recommends ca-certificates curl gnupg openssl
  local keys=/usr/share/keyrings sources=/etc/apt/sources.list.d
  patiently curl -fsSL --output $keys/nvidia-drivers.asc "$WOPR_NVIDIA_DRIVERS/3bf863cc.pub"
  patiently curl -fsSL --output $keys/nvidia-toolkit.asc "$WOPR_NVIDIA_TOOLKIT/gpgkey"
  echo "deb [signed-by=$keys/nvidia-drivers.asc] $WOPR_NVIDIA_DRIVERS /" \
    > $sources/nvidia-drivers.list
  echo "deb [signed-by=$keys/nvidia-toolkit.asc] $WOPR_NVIDIA_TOOLKIT/stable/deb/amd64 /" \
    > $sources/nvidia-toolkit.list
  patiently apt-get update
  patiently apt-get install -y --no-install-recommends cuda-drivers nvidia-container-toolkit
  if nvidia-smi; then return; fi
  if [ -e "$STATE/rebooted" ]; then
    echo "the driver does not load, not even after a reboot"
    return 1
  fi
  # The unit starts this script again; the marker keeps it from going round for ever.
  touch "$STATE/rebooted"
  sync
  systemctl reboot
  exit 0
}

install_docker() {
  patiently apt-get install -y --no-install-recommends docker.io docker-compose-v2
  nvidia-ctk runtime configure --runtime=docker
  systemctl restart docker
  docker info > /dev/null
}

download_models() {
  local name sha256 url
  while read -r name sha256 url; do
    [ -n "$name" ] || continue
    if echo "$sha256  $STATE/models/$name" | sha256sum --check --quiet 2> /dev/null; then continue; fi
    mkdir -p "$(dirname "$STATE/models/$name")"
    # --continue-at takes up a download that broke off.
    patiently curl -fsSL --continue-at - --output "$STATE/models/$name" "$url"
    if ! echo "$sha256  $STATE/models/$name" | sha256sum --check --quiet; then
      rm -f "$STATE/models/$name"
      echo "$name is not what its checksum says"
      return 1
    fi
  done <<< "$WOPR_MODELS"
}

start_services() {
  local token address
  token=$(told inference_token)
  address=$(told address)
  (umask 077 && echo "WOPR_INFERENCE_TOKEN=$token" > /etc/wopr/proxy.env)
  if [ ! -e "$STATE/tls/proxy.pem" ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
      -subj "/CN=$WOPR_NODE" -addext "subjectAltName=IP:$address" \
      -keyout "$STATE/tls/proxy.key" -out "$STATE/tls/proxy.pem"
  fi
  patiently docker compose --file /opt/wopr/docker-compose.gpu.yml pull
  docker compose --file /opt/wopr/docker-compose.gpu.yml up --detach --wait \
    --wait-timeout "${WOPR_START_SECONDS:-1800}"
}

register() {
  docker compose --file /opt/wopr/docker-compose.gpu.yml ps
}

stage installing_drivers install_drivers
stage installing_docker install_docker
stage downloading_models download_models
stage starting_services start_services
stage registering register "$STATE/tls/proxy.pem"
STAGE="done"
report "done" end
touch "$STATE/done"
