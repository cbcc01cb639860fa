# One image for every process of WOPR; containers/entrypoint.sh says which one a container is.
#   docker build -t wopr .
# Where no registry can be reached, name images of your own: --build-arg PYTHON_IMAGE=...
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm
ARG BUILD_IMAGE=${PYTHON_IMAGE}

FROM ${BUILD_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python3 -m venv /srv/venv
COPY requirements.txt /srv/
RUN /srv/venv/bin/pip install --quiet --only-binary :all: --require-hashes --requirement /srv/requirements.txt \
    # What only installs has no place in the image that runs.
    && /srv/venv/bin/pip uninstall --quiet --yes setuptools pip
WORKDIR /srv/wopr
COPY manage.py ./
COPY containers/entrypoint.sh containers/
COPY containers/gpu containers/gpu
COPY templates templates
COPY wopr wopr
COPY tenants tenants
COPY billing billing
COPY dns dns
COPY fleet fleet
COPY gpu gpu
# Compiled once here, as pip does with what it installs: in a read-only container each start would compile it again.
RUN WOPR_ENV=development SECRET_KEY=build STATIC_ROOT=/srv/static /srv/venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && /srv/venv/bin/python -m compileall -q -j 0 /srv/wopr

FROM ${PYTHON_IMAGE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="WOPR" \
    org.opencontainers.image.description="Control plane that sells and runs hosted AI bots" \
    org.opencontainers.image.source="https://github.com/wopr-network/wopr-platform" \
    org.opencontainers.image.revision="${REVISION}"
# Pango draws the PDFs; restic keeps the backups.
RUN apt-get update --quiet --quiet \
    && DEBIAN_FRONTEND=noninteractive apt-get install --quiet --quiet --yes --no-install-recommends \
        ca-certificates fonts-dejavu-core libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 restic \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* \
    && groupadd --gid 1000 wopr \
    && useradd --uid 1000 --gid 1000 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin wopr \
    && mkdir -p /run/secrets /caddy /var/lib/wopr/backups \
    && chown 1000:1000 /caddy /var/lib/wopr/backups
# What changes seldom first: an update sends and keeps no more than what changed.
COPY --from=build /srv/venv /srv/venv
COPY --from=build /srv/static /srv/static
COPY --from=build /srv/wopr /srv/wopr
ENV PATH=/srv/venv/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=wopr.settings STATIC_ROOT=/srv/static
WORKDIR /srv/wopr
USER 1000:1000
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD ["containers/entrypoint.sh", "healthy"]
ENTRYPOINT ["containers/entrypoint.sh"]
CMD ["platform-api"]
