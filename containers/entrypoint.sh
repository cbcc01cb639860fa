#!/bin/bash
# The start of every container of WOPR: takes secrets from files, refuses an environment that is not
# complete, waits for the database, and becomes the process that was asked for.
#
#   entrypoint.sh platform-api | platform-ui | gateway | worker | follower | beat
#   entrypoint.sh migrate | provider-health | manage COMMAND ...
#   entrypoint.sh healthy            is this container's process well? (HEALTHCHECK asks this)
#   entrypoint.sh echo OK            any other command; this one only checks the environment
set -euo pipefail

SECRETS=/run/secrets
ROLE_FILE=/tmp/role
ALIVE_FILE=/tmp/alive
SILENCE=120
PATIENCE=90
EX_USAGE=64 EX_UNAVAILABLE=69 EX_CONFIG=78

REQUIRED=(SECRET_KEY WOPR_FIELD_KEYS DATABASE_URL REDIS_URL STRIPE_SECRET_KEY STRIPE_WEBHOOK_SECRET
	CLOUDFLARE_API_TOKEN WOPR_EDGE_IPV4)
NUMBERS=(WOPR_EDGE_PORT WOPR_GRACE_DAYS WOPR_RETENTION_DAYS WOPR_EXPORT_DAYS WOPR_BREAKER_COUNT
	WOPR_BREAKER_PERCENT WOPR_OPERATION_LEASE_SECONDS WOPR_BACKUPS_AT_ONCE STRIPE_WEBHOOK_TOLERANCE)
SWITCHES=(DEBUG WOPR_STRIPE_TAX WOPR_STRIPE_PROMOTION_CODES WOPR_NODES_PRIVATE)
NAME='[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?'

problems=()

main() {
	if [ "${1:-}" = healthy ]; then
		healthy
	fi
	take_secrets
	check_environment
	if [ "${#problems[@]}" -gt 0 ]; then
		printf 'the environment is not right:\n' >&2
		printf '  %s\n' "${problems[@]}" >&2
		exit "$EX_CONFIG"
	fi
	become "$@"
}

# A file in /run/secrets gives the variable that it is named like. Passwords of the database and of
# Redis go into addresses that name none.
take_secrets() {
	local file name
	for file in "$SECRETS"/*; do
		name=${file##*/}
		if [ -f "$file" ] && [[ $name =~ ^[A-Z][A-Z0-9_]*$ ]]; then
			export "$name=$(<"$file")"
		fi
	done
	if [ -n "${POSTGRES_PASSWORD:-}" ]; then
		DATABASE_URL=$(with_password "${DATABASE_URL:-}" "$POSTGRES_PASSWORD")
		export DATABASE_URL
	fi
	if [ -n "${REDIS_PASSWORD:-}" ]; then
		REDIS_URL=$(with_password "${REDIS_URL:-}" "$REDIS_PASSWORD")
		export REDIS_URL
	fi
}

with_password() {
	if [[ $1 =~ ^([a-z]+://)([^/@:]*@)?([^/@]+.*)$ ]]; then
		local user=${BASH_REMATCH[2]%@}
		printf '%s%s:%s@%s' "${BASH_REMATCH[1]}" "$user" "$2" "${BASH_REMATCH[3]}"
	else
		printf '%s' "$1"
	fi
}

# Everything that is wrong, in one go. Values are never printed: many of them are secrets.
check_environment() {
	local name
	for name in "${REQUIRED[@]}"; do
		[ -n "${!name:-}" ] || problems+=("$name is missing (see .env.example)")
	done
	for name in "${NUMBERS[@]}"; do
		expect "$name" '[0-9]+' 'a whole number'
	done
	for name in "${SWITCHES[@]}"; do
		expect "$name" '0|1|true|false|yes|no|on|off' '1 or 0'
	done
	expect WOPR_ENV 'production|development' 'production or development'
	expect LOG_LEVEL 'DEBUG|INFO|WARNING|ERROR' 'DEBUG, INFO, WARNING or ERROR'
	expect WOPR_DEPLOYMENT '[a-z][a-z0-9-]{0,20}' 'a short name in lower case'
	expect DATABASE_URL 'postgres(ql)?://.+' 'an address that begins with postgres://'
	expect REDIS_URL '(rediss?|unix)://.+' 'an address that begins with redis://'
	expect WOPR_DASHBOARD_URL "https?://$NAME(:[0-9]+)?/?" 'an address such as https://wopr.bot'
	expect WOPR_TENANT_DOMAIN "$NAME" 'a domain name'
	expect WOPR_EDGE_IPV4 '([0-9]{1,3}\.){3}[0-9]{1,3}' 'an IPv4 address'
	expect WOPR_PORT_RANGE '[0-9]{4,5}-[0-9]{4,5}' 'a range such as 20000-29999'
	expect STRIPE_SECRET_KEY '(sk|rk)_(test|live)_.+' 'a secret key of Stripe (sk_...)'
	expect STRIPE_WEBHOOK_SECRET 'whsec_.+' 'the signing secret of a webhook endpoint (whsec_...)'
	expect WOPR_FIELD_KEYS '[A-Za-z0-9_=-]{44}(,[A-Za-z0-9_=-]{44})*' 'keys by Fernet.generate_key()'
	if [ "${WOPR_ENV:-production}" = production ]; then
		expect SECRET_KEY '.{50,}' 'at least 50 random characters'
		expect DEBUG '0|false|no|off' '0 in production'
	fi
}

expect() {
	local value=${!1:-}
	[ -z "$value" ] || [[ $value =~ ^($2)$ ]] || problems+=("$1 is malformed: it has to be $3")
}

become() {
	local role=${1:-}
	[ "$#" -eq 0 ] || shift
	case $role in
	platform-api | platform-ui) serve web wopr.asgi:application --proxy-headers "$@" ;;
	gateway) serve gateway gpu.inference.asgi:application --no-access-log "$@" ;;
	worker) start worker celery -A wopr worker --pool prefork --without-gossip --without-mingle "$@" ;;
	follower) start follower python manage.py logs_follow ;;
	beat) start beat celery -A wopr beat --pidfile= "$@" ;;
	# The long look at the settings comes once for each release, before anything is changed.
	migrate)
		wait_for_database
		python manage.py check --deploy --fail-level ERROR
		exec python manage.py migrate --no-input
		;;
	provider-health) start provider-health python manage.py provider_health "$@" ;;
	# Beside the process of its container, too: docker compose exec worker containers/entrypoint.sh ...
	manage)
		wait_for_database
		exec python manage.py "$@"
		;;
	'') printf 'say what this container is, such as platform-api\n' >&2 && exit "$EX_USAGE" ;;
	*) exec "$role" "$@" ;;
	esac
}

serve() {
	local role=$1 application=$2
	shift 2
	start "$role" uvicorn "$application" --host 0.0.0.0 --port 8000 --no-server-header \
		--timeout-graceful-shutdown 20 "$@"
}

start() {
	printf '%s\n' "$1" >"$ROLE_FILE"
	shift
	wait_for_database
	touch "$ALIVE_FILE"
	exec "$@"
}

wait_for_database() {
	local deadline=$((SECONDS + PATIENCE))
	until database_answers; do
		if [ "$SECONDS" -ge "$deadline" ]; then
			printf 'the database did not answer for %s s\n' "$PATIENCE" >&2
			exit "$EX_UNAVAILABLE"
		fi
		sleep 1
	done
}

database_answers() {
	# shellcheck disable=SC2016
	python -c 'import os, psycopg; psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=3).close()' \
		>/dev/null 2>&1
}

# Web processes answer; workers and beat touch a file as they work.
healthy() {
	case $(cat "$ROLE_FILE" 2>/dev/null) in
	web) answers /api/live ;;
	gateway) answers /live ;;
	worker | beat) exec test $(($(date +%s) - $(stat -c %Y "$ALIVE_FILE"))) -lt "$SILENCE" ;;
	*) exit 0 ;;
	esac
}

answers() {
	exec python -I -c 'import sys, urllib.request as u; u.urlopen(f"http://127.0.0.1:8000{sys.argv[1]}", timeout=5)' "$1"
}

main "$@"
