#!/bin/bash
# Brings WOPR to a machine by SSH, and takes it back when it is not healthy there.
#
#   containers/deploy.sh --build-only               build the images, tagged latest and with the revision
#   containers/deploy.sh [--update] USER@MACHINE    build, send, back up, migrate, replace one by one
#   containers/deploy.sh --update --pull USER@...   the same with the image that the registry has
#   containers/deploy.sh --status USER@MACHINE      what runs there, and how it is
#   containers/deploy.sh --rollback USER@MACHINE    bring back what ran before the last update
#
# The machine needs Docker with Compose, and in FOLDER: .env and secrets/ (see compose.yaml). All of
# it may be run again: what is already so is left alone.
#
#   WOPR_FOLDER=/opt/wopr    where it lives there
#   WOPR_SSH="ssh -p 2222"   how to get there
#   WOPR_IMAGE_NAME=...      the image's name without a tag
#   WOPR_BUILD_OPTIONS=...   more words for docker build, such as --network host
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
FOLDER=${WOPR_FOLDER:-/opt/wopr}
NAME=${WOPR_IMAGE_NAME:-ghcr.io/wopr-network/wopr-platform}
CADDY_NAME=${WOPR_CADDY_NAME:-ghcr.io/wopr-network/wopr-caddy}
SSH=${WOPR_SSH:-ssh -o BatchMode=yes}
# In this order: who serves, who works, who wakes.
SERVICES=(platform-api platform-ui gateway worker follower beat)
FREE_MB=1024
read -ra BUILD_OPTIONS <<<"${WOPR_BUILD_OPTIONS:-}"
# What is done on the machine itself.
REMOTE=(say fail compose current note preflight pull release back_up replace replace_one up_all services_here
	healthy settle undo rollback rollback_image status)
EX_USAGE=64

say() { printf '[deploy] %s\n' "$*"; }
fail() {
	printf '[deploy] FAILED: %s\n' "$*" >&2
	exit 1
}

main() {
	local what=--update pull=no machine=
	while [ "$#" -gt 0 ]; do
		case $1 in
		--build-only | --update | --status | --rollback) what=$1 ;;
		--pull) pull=yes ;;
		-*) usage ;;
		*) machine=$1 ;;
		esac
		shift
	done
	if [ "$what" = --build-only ]; then
		build
		return
	fi
	[ -n "$machine" ] || usage
	case $what in
	--status) there "$machine" status ;;
	--rollback) there "$machine" rollback ;;
	*) update "$machine" "$pull" ;;
	esac
}

usage() {
	sed -n '2,17s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit "$EX_USAGE"
}

revision() {
	local changed=
	[ -z "$(git -C "$HERE" status --porcelain)" ] || changed=-changed
	printf '%s%s' "$(git -C "$HERE" rev-parse --short=12 HEAD)" "$changed"
}

has_edge() { [ -f "$HERE/containers/caddy/Dockerfile" ]; }

build() {
	say "building $NAME:$(revision)"
	docker build --quiet --build-arg "REVISION=$(revision)" ${BUILD_OPTIONS[@]+"${BUILD_OPTIONS[@]}"} \
		--tag "$NAME:latest" --tag "$NAME:$(revision)" "$HERE"
	if has_edge; then
		docker build --quiet ${BUILD_OPTIONS[@]+"${BUILD_OPTIONS[@]}"} --tag "$CADDY_NAME:latest" \
			--file "$HERE/containers/caddy/Dockerfile" "$HERE/containers"
	fi
}

update() {
	local machine=$1 pull=$2 tag
	there "$machine" preflight
	if [ "$pull" = yes ]; then
		tag=latest
		send_files "$machine"
		there "$machine" pull "$NAME:$tag"
		! has_edge || there "$machine" pull "$CADDY_NAME:latest"
	else
		tag=$(revision)
		build
		send_files "$machine"
		send_image "$machine" "$NAME:$tag"
		! has_edge || send_image "$machine" "$CADDY_NAME:latest"
	fi
	there "$machine" release "$NAME:$tag"
}

send_files() {
	say "sending compose.yaml and what it mounts"
	local files=(compose.yaml)
	[ ! -d "$HERE/containers/monitoring" ] || files+=(containers/monitoring)
	# Containers read it as users of their own, however closed the clone is.
	tar -C "$HERE" -cf - "${files[@]}" |
		$SSH "$1" "cd '$FOLDER' && tar --no-same-owner -xf - && chmod -R a+rX ${files[*]}"
}

send_image() {
	local id
	id=$(docker image inspect --format '{{.Id}}' "$2")
	if [ "$($SSH "$1" "docker image inspect --format '{{.Id}}' '$2' 2>/dev/null" || true)" = "$id" ]; then
		say "$2 is there already"
		return
	fi
	say "sending $2"
	docker save "$2" | gzip -1 | $SSH "$1" 'gunzip | docker load --quiet' >/dev/null
}

# Runs one of the functions below on the machine.
there() {
	local machine=$1 act=$2
	shift 2
	{
		declare -p SERVICES FOLDER FREE_MB
		declare -f "${REMOTE[@]}"
		printf 'set -euo pipefail\ncd %q\n%s' "$FOLDER" "$act"
		[ "$#" -eq 0 ] || printf ' %q' "$@"
		printf '\n'
	} | $SSH "$machine" bash -s
}

# --- on the machine ---

compose() { docker compose --progress quiet --env-file .env --env-file release.env "$@"; }

current() { sed -n 's/^WOPR_IMAGE=//p' release.env 2>/dev/null; }

# Names the image by its digest, too: the tag may move, the digest is what a rollback brings back.
note() {
	printf 'WOPR_IMAGE=%s\nWOPR_IMAGE_ID=%s\n' "$1" "$(docker image inspect --format '{{.Id}}' "$1")"
}

preflight() {
	local wrong=() free
	docker version --format '{{.Server.Version}}' >/dev/null 2>&1 || wrong+=("no container engine answers")
	docker compose version >/dev/null 2>&1 || wrong+=("Docker Compose is missing")
	[ -f .env ] || wrong+=("$FOLDER/.env is missing (a copy of .env.example)")
	[ -d secrets ] || wrong+=("$FOLDER/secrets/ is missing (see compose.yaml)")
	[ "$(stat -c %a .)" = 700 ] || wrong+=("$FOLDER is open to others: chmod 700 $FOLDER")
	free=$(df -Pm . | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$FREE_MB" ] || wrong+=("only $free MB are free, $FREE_MB are needed")
	[ "${#wrong[@]}" -eq 0 ] || fail "$(printf '%s; ' "${wrong[@]}")"
	touch release.env
	say "the machine is ready, $free MB are free"
}

pull() {
	say "pulling $1"
	docker pull --quiet "$1" >/dev/null
}

release() {
	local image=$1 id before
	id=$(docker image inspect --format '{{.Id}}' "$image")
	before=$(current)
	docker run --rm --env-file .env --volume "$PWD/secrets:/run/secrets:ro" "$image" echo OK >/dev/null ||
		fail "the environment is not right; nothing was changed"
	if [ "$(sed -n 's/^WOPR_IMAGE_ID=//p' release.env)" = "$id" ] && healthy; then
		up_all || fail "$image runs already, but not as compose.yaml and .env have it now"
		settle
		say "$image runs already and is healthy"
		return
	fi
	if [ -n "$before" ]; then
		# With --pull both have one tag: the one that knows the tables as they are now backs them up.
		rollback_image
		back_up
		docker tag "$id" "$image"
		# One is there if an update was cut off: what ran well is what it names.
		[ -f undo.env ] || cp release.env undo.env
	fi
	note "$image" >release.env
	compose config --quiet || undo "compose.yaml and .env do not fit"
	say "migrating"
	compose up --detach --wait postgres redis || undo "the database did not start"
	compose run --rm --no-TTY migrate || undo "the migration failed"
	replace || undo "it was not healthy"
	settle
	say "$image runs"
}

# What --rollback brings back is what ran before the last update that went well.
settle() { [ ! -f undo.env ] || mv undo.env previous.env; }

back_up() {
	if [ ! -f secrets/BACKUP_PASSWORD ]; then
		fail "secrets/BACKUP_PASSWORD is missing, and nothing is migrated without a backup"
	fi
	say "backing up"
	compose run --rm --no-TTY --no-deps worker manage backup_platform --password-file /run/secrets/BACKUP_PASSWORD ||
		fail "the backup failed; nothing was changed"
}

# One container after the other, each gone only for as long as its successor takes to be healthy.
replace() {
	local service container
	for service in $(services_here); do
		for container in $(compose ps --all --quiet "$service"); do
			replace_one "$service" "$container" || return 1
		done
		compose up --detach --no-deps --no-build --wait --wait-timeout 180 "$service" || return 1
		say "$service is healthy"
	done
	up_all
}

# Of a container whose settings are as before, Compose lets the process run on with the rules of before.
up_all() {
	local watching
	compose up --detach --no-build --remove-orphans --wait --wait-timeout 180 || return 1
	watching=$(compose ps --quiet prometheus 2>/dev/null) || true
	[ -z "$watching" ] || docker kill --signal HUP "$watching" >/dev/null
}

services_here() {
	local known service
	known=$(compose config --services)
	for service in "${SERVICES[@]}"; do
		! grep -qx "$service" <<<"$known" || printf '%s\n' "$service"
	done
}

replace_one() {
	local wanted
	wanted=$(sed -n 's/^WOPR_IMAGE_ID=//p' release.env)
	[ "$(docker inspect --format '{{.Image}}' "$2")" != "$wanted" ] || return 0
	docker stop --time 30 "$2" >/dev/null || return 1
	docker rm "$2" >/dev/null || return 1
	compose up --detach --no-deps --no-build --no-recreate --wait --wait-timeout 180 "$1"
}

healthy() {
	local states
	# shellcheck disable=SC2046
	states=$(compose ps --all --format '{{.State}} {{.Health}}' $(services_here) 2>/dev/null) || return 1
	[ -n "$states" ] && ! grep -qvE '^running (healthy)?$' <<<"$states"
}

undo() {
	if [ ! -f undo.env ]; then
		fail "$1; there is nothing to go back to"
	fi
	say "$1; going back"
	mv undo.env release.env
	rollback_image
	replace || fail "$1, and what ran before is not healthy either"
	fail "$1; $(current) runs again"
}

rollback() {
	[ -f previous.env ] || fail "nothing ran before"
	cp release.env undone.env
	cp previous.env release.env
	rollback_image
	replace || fail "$(current) is not healthy"
	mv undone.env previous.env
	say "$(current) runs again; another --rollback takes this back"
}

# The tag may have moved since; the digest says which image it was.
rollback_image() {
	docker tag "$(sed -n 's/^WOPR_IMAGE_ID=//p' release.env)" "$(current)"
}

status() {
	say "release: $(current)"
	compose ps --format 'table {{.Service}}\t{{.Image}}\t{{.Status}}' || true
	healthy || fail "not everything is healthy"
	say "everything is healthy"
}

main "$@"
